/** Everything the agent has to say, as one union: its parts emit, `log.ts` turns events into lines, tests look at them. */
import type { RuntimeName } from "../cluster/machine.ts";
import type { Step } from "./reconcile.ts";

export type AgentEvent =
  | { readonly kind: "starting"; readonly version: string; readonly machine: string }
  | { readonly kind: "stopping"; readonly signal: string }
  | {
      readonly kind: "announced";
      readonly lease: string;
      readonly address: string;
      readonly runtimes: readonly RuntimeName[];
    }
  | { readonly kind: "announce-failed"; readonly error: unknown; readonly retryInMs: number }
  | { readonly kind: "lease-lost"; readonly lease: string }
  | { readonly kind: "keep-alive-failed"; readonly error: unknown }
  | { readonly kind: "store-unreachable"; readonly error: unknown; readonly retryInMs: number }
  | {
      readonly kind: "mirror-synced";
      readonly revision: bigint;
      readonly records: number;
      readonly why: string;
    }
  | { readonly kind: "mirror-resumed"; readonly revision: bigint }
  | { readonly kind: "runtime-opened"; readonly runtime: RuntimeName; readonly units: number }
  | {
      readonly kind: "runtime-unavailable";
      readonly runtime: RuntimeName;
      readonly error: unknown;
      readonly retryInMs: number;
    }
  | { readonly kind: "unit-unknown"; readonly unit: string; readonly reason: string }
  | {
      readonly kind: "plan-begun";
      readonly unit: string;
      readonly reason: string;
      readonly steps: readonly Step["kind"][];
    }
  | { readonly kind: "plan-superseded"; readonly unit: string; readonly reason: string }
  | {
      readonly kind: "step-done";
      readonly unit: string;
      readonly step: Step["kind"];
      readonly runtime: RuntimeName;
      readonly durationMs: number;
    }
  | {
      readonly kind: "step-failed";
      readonly unit: string;
      readonly step: Step["kind"];
      readonly runtime: RuntimeName;
      readonly error: unknown;
      /** Absent: trying again cannot help, and it is not done. */
      readonly retryInMs?: number;
    }
  | {
      readonly kind: "text-unavailable";
      readonly hash: string;
      readonly error: unknown;
      /** Absent: the text is there and is no unit file. */
      readonly retryInMs?: number;
    }
  | {
      readonly kind: "endpoint-published";
      readonly service: string;
      readonly name: string;
      readonly unit?: string;
      readonly address: string;
    }
  | {
      readonly kind: "endpoint-withdrawn";
      readonly service: string;
      readonly name: string;
      readonly unit?: string;
      readonly reason: string;
    }
  /** A unit that is to be stopped gets no more requests: its endpoint is gone and the routers have let go of it. */
  | {
      readonly kind: "unit-drained";
      readonly unit: string;
      readonly routers: number;
      readonly durationMs: number;
    }
  /** Routers did not acknowledge a change in time, and are waited for no longer. */
  | {
      readonly kind: "routers-late";
      readonly unit?: string;
      readonly what: "revision" | "drained";
      readonly revision: bigint;
      readonly routers: readonly string[];
      readonly withinMs: number;
    }
  /** The store did not take the withdrawal of an endpoint in time; the unit is stopped all the same. */
  | { readonly kind: "withdrawal-unconfirmed"; readonly unit: string; readonly durationMs: number }
  | { readonly kind: "publish-failed"; readonly error: unknown; readonly retryInMs: number }
  | { readonly kind: "publication-invalid"; readonly unit: string; readonly error: unknown }
  | { readonly kind: "states-written"; readonly reports: number; readonly retractions: number }
  | { readonly kind: "report-failed"; readonly error: unknown; readonly retryInMs: number }
  | { readonly kind: "reloaded"; readonly metadata: Readonly<Record<string, string>> }
  | { readonly kind: "reload-failed"; readonly error: unknown }
  /** What a runtime has to say of itself: an image was pulled, a container replaced, a connection lost. */
  | {
      readonly kind: "runtime-said";
      readonly runtime: RuntimeName;
      readonly what: string;
      readonly details: object;
    }
  | { readonly kind: "pass-done"; readonly durationMs: number }
  | { readonly kind: "pass-failed"; readonly error: unknown; readonly retryInMs: number }
  | { readonly kind: "api-listening"; readonly at: string }
  | { readonly kind: "api-failed"; readonly error: unknown };

export type OnAgentEvent = (event: AgentEvent) => void;
