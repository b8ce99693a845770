/**
 * The body of `PATCH /machines`: a JSON patch of metadata. A value may be a string, as fleet's documentation and RFC 6902 have it, or
 * `{"value": "…"}`, as fleetd took it. Pure.
 */
import type { MetadataEdit } from "../../cluster/ports.ts";
import { DecodeError, GoObject, mismatch, parseGoJson } from "./go-json.ts";
import { FleetRefusal } from "./refusal.ts";

const pathShape = /^\/([^/]+)\/metadata\/([A-Za-z0-9_.-]+)$/;

/** All operations or none: throws `FleetRefusal` with 400 at the first that is wrong. */
export function readMetadataPatch(body: string): readonly MetadataEdit[] {
  let operations: readonly { op: string; path: string; value: string }[];
  try {
    operations = decode(body);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new FleetRefusal(400, error.message, { cause: error });
  }
  return operations.map(({ op, path, value }) => {
    if (op !== "add" && op !== "replace" && op !== "remove") {
      throw new FleetRefusal(400, "invalid op: expect add, remove, or replace");
    }
    const [, machine, key] = pathShape.exec(path) ?? [];
    if (machine === undefined || key === undefined) {
      throw new FleetRefusal(400, "machine metadata path invalid");
    }
    // Removed is hidden: the machine's own settings may have the key, too.
    if (op === "remove") return { machine, key, value: "" };
    if (value === "") throw new FleetRefusal(400, "invalid value: add and replace require a value");
    return { machine, key, value };
  });
}

function decode(body: string) {
  const parsed = parseGoJson(body);
  if (parsed === null) return [];
  if (!Array.isArray(parsed)) throw mismatch(parsed, "Go value of type []api.machineMetadataOp");
  return parsed.map((item) => {
    const operation = new GoObject(item, "api.machineMetadataOp");
    return { op: operation.text("op"), path: operation.text("path"), value: textOfValue(operation) };
  });
}

function textOfValue(operation: GoObject): string {
  const value = operation.get("value");
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value;
  return new GoObject(value, "api.machineMetadataOp.Value").text("value");
}
