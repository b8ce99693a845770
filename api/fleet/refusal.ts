/** An answer of fleet's API that is an error: `{"error":{"code":404,"message":"…"}}`, the message empty where fleetd gave none. */
export class FleetRefusal extends Error {
  readonly status: number;

  constructor(status: number, message = "", options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.status = status;
  }
}
