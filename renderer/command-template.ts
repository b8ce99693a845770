/** Commands that are templates of their own: `check_cmd`, and `reload_cmd` where a resource asks for it. They know no confd functions. Pure. */
import { bytesOf, GoMap, mapOf, parseTemplate, textOf, types } from "./gotmpl/index.ts";

const data = mapOf(types.string, types.string);

/** The command with its placeholders filled in. Throws Go's own errors. */
export function expandCommand(
  name: string,
  command: string,
  values: Readonly<Record<string, string>>,
): string {
  const entries = Object.entries(values).map(([key, value]) => [key, bytesOf(value)] as const);
  const template = parseTemplate(name, bytesOf(command));
  return textOf(template.execute(new GoMap(data, new Map(entries))));
}
