/** What a router process reports: each event is one fact; log lines are made from them. */
import type { RendererEvent } from "../renderer/events.ts";
import type { TableName } from "./control.ts";

export type RouterEvent =
  | RendererEvent
  | { readonly kind: "starting"; readonly version: string }
  | { readonly kind: "stopping"; readonly signal: string }
  | { readonly kind: "stopped" }
  | { readonly kind: "nginx-started"; readonly pid: number; readonly tables: "fresh" | "kept" }
  | { readonly kind: "nginx-ended"; readonly how: string }
  | { readonly kind: "awaiting-store" }
  | {
      readonly kind: "pushed";
      readonly table: TableName;
      readonly bytes: number;
      readonly problems: readonly string[];
      readonly durationMs: number;
    }
  | { readonly kind: "push-failed"; readonly error: unknown; readonly retryInMs: number }
  | { readonly kind: "cut-off"; readonly endpoint: string }
  | { readonly kind: "cut-failed"; readonly endpoint: string; readonly error: unknown }
  | { readonly kind: "announced"; readonly revision: bigint; readonly drained: bigint }
  | { readonly kind: "announce-failed"; readonly error: unknown; readonly retryInMs: number }
  | { readonly kind: "lease-lost"; readonly lease: string }
  | { readonly kind: "keeping-failed"; readonly error: unknown }
  | { readonly kind: "baseline"; readonly dest: string };

export type OnRouterEvent = (event: RouterEvent) => void;
