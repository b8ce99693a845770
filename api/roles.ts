/**
 * Who may do what. Whoever may write to the socket, and whoever has a certificate of the cluster's CA, is an operator and may do
 * everything, as with fleet; a certificate whose subject has the organisational unit `reader` may only look. Pure.
 */

export type Role = "operator" | "reader";

/** `subject` is that of the client's certificate; undefined on the socket. */
export function roleOf(subject: Readonly<Record<string, string | readonly string[]>> | undefined): Role {
  const units = [subject?.OU ?? []].flat();
  return units.includes("reader") ? "reader" : "operator";
}

export function mayChange(role: Role): boolean {
  return role === "operator";
}
