/**
 * One look whether a unit answers: a TCP connection, or a GET that must give exactly 200 (a redirect does not: a router would pass it on
 * to whoever asked). What is sent is what Deis v1's publisher sent, `GET http://<host>:<port><path>`.
 */
import { request } from "node:http";
import { connect } from "node:net";
import { endpointText } from "./reach.ts";

export interface ProbeTarget {
  readonly host: string;
  readonly port: number;
  /** With its leading slash. Absent: it is enough that the port accepts a connection. */
  readonly path?: string;
  readonly timeoutMs: number;
}

/** Resolves to why the target does not answer, to undefined if it does; at the latest after its timeout. Never rejects. */
export type Probe = (target: ProbeTarget, signal: AbortSignal) => Promise<string | undefined>;

export const probe: Probe = (target, signal) =>
  target.path === undefined ? connects(target, signal) : gives200({ ...target, path: target.path }, signal);

function connects(target: ProbeTarget, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: target.host, port: target.port });
    const end = (problem: string | undefined) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", cut);
      socket.destroy();
      resolve(problem);
    };
    const cut = () => end("The probe was cut short");
    const timer = setTimeout(() => end(`${endpointText(target)} ${late(target)}`), target.timeoutMs);
    signal.addEventListener("abort", cut, { once: true });
    socket.once("connect", () => end(undefined));
    socket.once("error", (error) => end(connectionProblem(target, error)));
    if (signal.aborted) cut();
  });
}

function gives200(
  target: ProbeTarget & { readonly path: string },
  signal: AbortSignal,
): Promise<string | undefined> {
  const { host, port, path } = target;
  return new Promise((resolve) => {
    // A connection of its own each time: one that is kept would not notice that nobody listens any more.
    const asked = request({ host, port, path, agent: false, headers: { "User-Agent": "deis-agent" } });
    const end = (problem: string | undefined) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", cut);
      asked.destroy();
      resolve(problem);
    };
    const cut = () => end("The probe was cut short");
    const timer = setTimeout(() => end(`GET ${path} ${late(target)}`), target.timeoutMs);
    signal.addEventListener("abort", cut, { once: true });
    asked.once("response", ({ statusCode }) =>
      end(statusCode === 200 ? undefined : `GET ${path} gave ${statusCode}`),
    );
    // Stays on: what is destroyed may still report an error.
    asked.on("error", (error) => end(answerProblem(target, path, error)));
    if (signal.aborted) return cut();
    asked.end();
  });
}

function late({ timeoutMs }: ProbeTarget): string {
  return `did not answer within ${timeoutMs / 1_000} s`;
}

function answerProblem(target: ProbeTarget, path: string, error: Error): string {
  if ("syscall" in error && error.syscall === "connect") return connectionProblem(target, error);
  return `GET ${path} failed: ${error.message}`;
}

function connectionProblem(target: ProbeTarget, error: Error): string {
  const refused = "code" in error && error.code === "ECONNREFUSED";
  return `${endpointText(target)} ${refused ? "refuses connections" : `cannot be reached: ${error.message}`}`;
}
