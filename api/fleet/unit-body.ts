/** What a client asks of a unit, read from the body of a PUT. Pure. */
import { isTargetState, type TargetState } from "../../cluster/unit.ts";
import type { UnitOptionInput } from "../../cluster/unit-file.ts";
import { DecodeError, GoObject, parseGoJson } from "./go-json.ts";
import { FleetRefusal } from "./refusal.ts";

export interface UnitWish {
  readonly name: string;
  /** Absent if the client named none. */
  readonly target?: TargetState;
  readonly options: readonly UnitOptionInput[];
}

/** Reads a PUT of the unit named in the URL. Throws `FleetRefusal` with 400. */
export function readUnitBody(body: string, item: string): UnitWish {
  const { name, desiredState, options } = decode(body);
  if (name !== "" && name !== item) {
    throw new FleetRefusal(
      400,
      `name in URL ${JSON.stringify(item)} differs from unit name in request body ${JSON.stringify(name)}`,
    );
  }
  if (desiredState === "") return { name: item, options };
  // fleetd took any word here, and could then neither show nor destroy the unit.
  if (!isTargetState(desiredState)) {
    throw new FleetRefusal(
      400,
      `invalid value ${JSON.stringify(desiredState)} for desiredState: expect inactive, loaded, or launched`,
    );
  }
  return { name: item, target: desiredState, options };
}

function decode(body: string) {
  try {
    const unit = new GoObject(parseGoJson(body), "schema.Unit");
    const options = unit.list("options", "[]*schema.UnitOption").map((value) => {
      const option = new GoObject(value, "schema.UnitOption");
      return { section: option.text("section"), name: option.text("name"), value: option.text("value") };
    });
    return { name: unit.text("name"), desiredState: unit.text("desiredState"), options };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new FleetRefusal(400, `unable to decode body: ${error.message}`, { cause: error });
  }
}
