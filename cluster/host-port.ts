/** Addresses to listen at, as settings name them: `0.0.0.0:7002`, `[::]:7002`, `:7002`. Pure. */
import { PlatformError } from "./errors.ts";

export interface HostPort {
  /** Undefined: every address. */
  readonly host: string | undefined;
  readonly port: number;
}

/** Reads the value of the setting that is named. Throws `settings-invalid`. */
export function parseHostPort(setting: string, value: string): HostPort {
  const [, host, port] = /^(?:\[?([^\]]*)\]?)?:([0-9]{1,5})$/.exec(value) ?? [];
  if (port === undefined || Number(port) > 65_535) {
    throw new PlatformError("settings-invalid", `Setting ${setting} is ${JSON.stringify(value)}`, {
      hint: 'Set it to host:port, such as "127.0.0.1:9105"',
    });
  }
  return { host: host === "" ? undefined : host, port: Number(port) };
}
