/** The text of a settings file, in TOML. Pure. */
import { parse, TomlError } from "smol-toml";
import { PlatformError } from "./errors.ts";

/** Throws `settings-invalid` with the line and column at fault. `file` is for the message. */
export function readSettingsText(text: string, file: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw new PlatformError("settings-invalid", `Cannot parse "${file}"`, {
      cause: error,
      hint: `Mend line ${error.line}, column ${error.column} of ${file}`,
    });
  }
}
