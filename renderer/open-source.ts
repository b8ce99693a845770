/** The source of keys that the settings name. etcd's client is loaded only where it is used: it costs a quarter of a short run. */
import { resolveSrv } from "node:dns/promises";
import { PlatformError } from "../cluster/errors.ts";
import type { EtcdSettings } from "../cluster/settings.ts";
import { envSource } from "./env-source.ts";
import type { RendererSettings } from "./settings.ts";
import type { KeySource } from "./source.ts";

/** Rejects with `settings-invalid` when nodes or certificates are wrong, with `srv-unresolved` when no record names a node. */
export async function openSource(settings: RendererSettings): Promise<KeySource> {
  switch (settings.backend) {
    case "env":
      return envSource(process.env);
    case "file": {
      const { fileSource } = await import("./file-source.ts");
      return fileSource(settings.files, settings.filter);
    }
    default: {
      const { openEtcdSource } = await import("./etcd-source.ts");
      return openEtcdSource(await etcdSettings(settings));
    }
  }
}

async function etcdSettings(settings: RendererSettings): Promise<EtcdSettings> {
  const { clientCaKeys: cafile, clientCert: certfile, clientKey: keyfile } = settings;
  const found = settings.srvRecord === "" ? settings.nodes : await nodesOf(settings);
  const standard = settings.backend === "etcd" ? "http://127.0.0.1:4001" : "127.0.0.1:2379";
  const nodes = found.length === 0 ? [standard] : found;
  const secure = cafile !== "" || certfile !== "";
  const endpoints = nodes.map((node) => endpointOf(node, secure));
  if ((certfile === "") !== (keyfile === "")) {
    throw new PlatformError("settings-invalid", "Only one of -client-cert and -client-key is set", {
      hint: "Set both, or none to be nobody in particular",
    });
  }
  if (certfile !== "" && cafile === "") {
    throw new PlatformError("settings-invalid", "-client-cert is set without -client-ca-keys", {
      hint: "Give the certificate of the CA that signed etcd's, too",
    });
  }
  return {
    endpoints,
    ...(cafile === "" ? {} : { cafile }),
    ...(certfile === "" ? {} : { certfile, keyfile }),
  };
}

function endpointOf(node: string, secure: boolean): string {
  const endpoint = /^https?:\/\//.test(node)
    ? node.replace(/\/+$/, "")
    : `${secure ? "https" : "http"}://${node}`;
  if (/^https?:\/\/[^\s/]+$/.test(endpoint)) return endpoint;
  throw new PlatformError("settings-invalid", `Node is "${node}"`, {
    hint: 'Name nodes as host:port, such as "127.0.0.1:2379"',
  });
}

/** As in confd, only the backend `etcd` gets the scheme; etcdv3 goes by whether there are certificates. */
async function nodesOf({ srvRecord: record, scheme, backend }: RendererSettings): Promise<readonly string[]> {
  try {
    const found = await resolveSrv(record.replace(/\.$/, ""));
    const prefix = backend === "etcd" ? `${scheme}://` : "";
    return found.map(({ name, port }) => `${prefix}${name.replace(/\.$/, "")}:${port}`);
  } catch (error) {
    throw new PlatformError("srv-unresolved", `Cannot get nodes from SRV records ${record}`, {
      cause: error,
      hint: "Check the record, or name nodes with -node",
      retryable: true,
    });
  }
}
