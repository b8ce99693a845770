/** The agents' API as commands see it. */
import type { EtcdSettings } from "../cluster/settings.ts";
import type { HostLogs } from "./command.ts";

export async function hostLogs(_settings: EtcdSettings): Promise<HostLogs> {
  const { PlatformError } = await import("../cluster/errors.ts");
  throw new PlatformError("no-agent-api", "Agents serve no API yet");
}
