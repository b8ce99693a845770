/** What a renderer reports: each event is one fact; logs, metrics and diffs are made from them. */
import type { PlatformError } from "../cluster/errors.ts";
import type { SourceEvent } from "./source.ts";
import type { FileImage } from "./swap.ts";

export type RendererEvent =
  | SourceEvent
  | { readonly kind: "resources-loaded"; readonly resources: number; readonly changed: number }
  | {
      readonly kind: "resource-unusable";
      readonly file: string;
      readonly error: PlatformError;
      readonly kept: boolean;
    }
  | { readonly kind: "nothing-to-do"; readonly why: string }
  | { readonly kind: "rendered"; readonly dest: string; readonly durationMs: number; readonly bytes: number }
  | { readonly kind: "render-failed"; readonly dest: string; readonly error: unknown }
  | { readonly kind: "account-unknown"; readonly dest: string; readonly error: unknown }
  | { readonly kind: "in-sync"; readonly dest: string }
  | {
      readonly kind: "out-of-sync";
      readonly dest: string;
      readonly differences: readonly string[];
      readonly found: FileImage | undefined;
      readonly wanted: FileImage;
    }
  | { readonly kind: "left-alone"; readonly dest: string }
  | { readonly kind: "stage-kept"; readonly path: string }
  | {
      readonly kind: "command-done";
      readonly command: string;
      readonly output: string;
      readonly durationMs: number;
    }
  | {
      readonly kind: "command-failed";
      readonly command: string;
      readonly output: string;
      readonly error: PlatformError;
    }
  | { readonly kind: "check-failed"; readonly dest: string; readonly error: unknown }
  | { readonly kind: "check-slow"; readonly dest: string; readonly patienceMs: number }
  | { readonly kind: "swap-failed"; readonly dest: string; readonly error: unknown }
  | { readonly kind: "overwritten"; readonly dest: string }
  | { readonly kind: "updated"; readonly dest: string; readonly revision: bigint }
  | {
      readonly kind: "reloaded";
      readonly command: string;
      readonly dests: readonly string[];
      readonly durationMs: number;
    }
  | {
      readonly kind: "reload-failed";
      readonly command: string;
      readonly dests: readonly string[];
      readonly error: PlatformError;
    }
  | { readonly kind: "restored"; readonly dest: string }
  | { readonly kind: "restore-failed"; readonly dest: string; readonly error: unknown }
  | { readonly kind: "retry"; readonly dest: string; readonly inMs: number }
  | {
      readonly kind: "pass-done";
      readonly durationMs: number;
      readonly rendered: number;
      readonly revision: bigint;
    }
  | { readonly kind: "pass-failed"; readonly error: unknown; readonly retryInMs: number };

export type Tell = (event: RendererEvent) => void;
