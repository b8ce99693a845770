/**
 * What Docker's refusals mean. Docker says most things in English only; its status codes are too coarse to act on, so
 * the texts of the engine (20.10 and later) are recognised here and nowhere else. An unknown text stays as it is.
 */
import { PlatformError } from "../../cluster/errors.ts";

/** An answer of the daemon other than the one hoped for. */
export interface Refusal {
  readonly statusCode: number;
  readonly message: string;
}

/** The refusal in an error of dockerode, or undefined if the daemon did not answer at all. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (!(error instanceof Error) || !("statusCode" in error) || typeof error.statusCode !== "number") return;
  const body = "json" in error ? error.json : undefined;
  const text = typeof body === "object" && body !== null && "message" in body ? body.message : undefined;
  const message = typeof text === "string" ? text : error.message.replace(/^\(HTTP code \d+\) .*? - /, "");
  return { statusCode: error.statusCode, message: message.trim() };
}

/** The port number in a refusal to publish it, if it is that. */
export function takenPort(message: string): number | undefined {
  const taken =
    /Bind for \S*?:(\d+) failed: port is already allocated/.exec(message) ??
    /listen (?:tcp|udp|sctp)[46]? \S*?:(\d+): bind: address already in use/.exec(message);
  return taken ? Number(taken[1]) : undefined;
}

interface Meaning {
  readonly code: string;
  readonly pattern: RegExp;
  readonly hint: string;
  readonly retryable?: boolean;
}

const meanings: readonly Meaning[] = [
  {
    code: "image-missing",
    pattern:
      /No such image|manifest( for \S+)? (not found|unknown)|repository \S+ not found|pull access denied/,
    hint: "Check the name and tag in Image=; build or load the image on this host, or push it to a registry this host reaches",
  },
  {
    code: "container-name-taken",
    pattern: /name "\S+" is already in use by container/,
    hint: "Choose another ContainerName=, or remove that container",
    // Its holder may be on its way out: a unit that was taken off this host to make room for this one.
    retryable: true,
  },
  {
    code: "registry-unreachable",
    pattern:
      /dial tcp|no such host|connection refused|i\/o timeout|Client\.Timeout|TLS handshake|request canceled|server misbehaving/,
    hint: "Check that this host reaches the registry named in Image=",
    retryable: true,
  },
  {
    code: "registry-denied",
    pattern: /unauthorized|no basic auth credentials|authentication required|denied:/,
    hint: "The registry wants a login: pull the image on this host by hand, or use a registry that needs none",
  },
  {
    code: "command-not-found",
    pattern:
      /executable file not found|exec: "[^"]*": stat|no such file or directory: unknown|permission denied: unknown/,
    hint: "Check the first word of Exec= (or the image's ENTRYPOINT and CMD): it must be an executable file in the image",
  },
  {
    code: "volume-source-missing",
    pattern: /bind source path does not exist/,
    hint: "Create the directory named in Volume= on this host",
  },
  {
    code: "network-missing",
    pattern: /network \S+ not found|could not find a network|No such network/,
    hint: "Create the network named in Network= on this host: docker network create",
  },
  {
    code: "user-missing",
    pattern: /unable to find (user|group)/,
    hint: "Check User= and Group=: a name must exist in the image",
  },
  {
    code: "disk-full",
    pattern: /no space left on device/,
    hint: "Free space on this host: docker system df",
  },
];

/**
 * The error to report for a call that failed while trying to `attempt` ("create the container "web""). Codes: the table above, `port-taken`,
 * `docker-unreachable` (retryable), else `docker-refused` (retryable if the daemon blames itself, status 500 and up).
 */
export function classify(attempt: string, error: unknown): PlatformError {
  if (error instanceof PlatformError) return error;
  const refusal = refusalOf(error);
  if (!refusal) {
    return new PlatformError("docker-unreachable", `Cannot reach Docker to ${attempt}`, {
      cause: error,
      hint: "Start the daemon: systemctl start docker",
      retryable: true,
    });
  }
  return meaningOf(attempt, refusal.message, refusal.statusCode);
}

/** As `classify`, for a text that Docker puts into a stream or a container's state. */
export function meaningOf(attempt: string, message: string, statusCode = 400): PlatformError {
  const cause = new Error(message);
  const port = takenPort(message);
  if (port !== undefined) {
    // "already allocated" is Docker's own book; the kernel says "address already in use".
    const ours = message.includes("port is already allocated");
    const holder = ours ? "published by another container" : "in use outside of Docker";
    const look = ours ? `docker ps --filter publish=${port}` : `ss -ltnup 'sport = :${port}'`;
    return new PlatformError("port-taken", `Port ${port} of this host is ${holder}`, {
      cause,
      hint: `See who has it: ${look}; or change PublishPort=`,
      // Its holder may be on its way out.
      retryable: true,
    });
  }
  const known = meanings.find(({ pattern }) => pattern.test(message));
  if (known) {
    const { code, hint, retryable = false } = known;
    return new PlatformError(code, `Cannot ${attempt}`, { cause, hint, retryable });
  }
  return new PlatformError("docker-refused", `Docker refused to ${attempt}`, {
    cause,
    retryable: statusCode >= 500,
  });
}
