/** What one rule of placement says about one unit and one machine. */
import type { MachineNode, UnitNode } from "../nodes.ts";

export interface Filter {
  readonly name: string;
  /**
   * Undefined if the machine may take the unit; otherwise what the rejection is about. Cheap: the words are made only
   * when someone reads them. Rejections about the same are told as one.
   */
  rejects(unit: UnitNode, machine: MachineNode): string | undefined;
  /**
   * The end of a sentence that begins with the number of machines: `lacks metadata "disk=ssd"`. `about` is what `rejects`
   * said, `machine` the first of the `count` machines that it said it of.
   */
  words(about: string, count: number, unit: UnitNode, machine: MachineNode): string;
}
