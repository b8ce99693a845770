/**
 * Shell completion, generated from the commands as they are: command names and flags from the program, unit names from the
 * cluster when a command takes units. Pure.
 */

export interface CompletedCommand {
  readonly names: readonly string[];
  /** Long and short flags, without their values. */
  readonly flags: readonly string[];
  /** What its arguments name, if the cluster knows their names. */
  readonly takes: "units" | "machines" | undefined;
}

export interface Completed {
  readonly program: string;
  readonly globalFlags: readonly string[];
  readonly commands: readonly CompletedCommand[];
}

/** A script for `source <(deisctl completion bash)`. */
export function bashCompletion({ program, globalFlags, commands }: Completed): string {
  const names = commands.flatMap((command) => command.names).sort();
  const cases = commands.map(
    ({ names: [...aliases], flags, takes }) =>
      `    ${aliases.join("|")}) flags="${flags.join(" ")}"; takes=${takes ?? ""} ;;`,
  );
  return `# bash completion for ${program}: source <(${program} completion bash)
_${program}() {
  local word=\${COMP_WORDS[COMP_CWORD]} command= flags= takes= at
  for ((at = 1; at < COMP_CWORD; at++)); do
    [[ \${COMP_WORDS[at]} == -* ]] || { command=\${COMP_WORDS[at]}; break; }
  done
  case $command in
    "") COMPREPLY=($(compgen -W "${[...names, ...globalFlags].join(" ")}" -- "$word")); return ;;
${cases.join("\n")}
  esac
  if [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$flags ${globalFlags.join(" ")}" -- "$word"))
  elif [[ $takes == units ]]; then
    COMPREPLY=($(compgen -W "$(${program} list-unit-files --no-legend --fields=unit 2>/dev/null)" -- "$word"))
  elif [[ $takes == machines ]]; then
    COMPREPLY=($(compgen -W "$(${program} list-machines --no-legend --full --fields=machine 2>/dev/null)" -- "$word"))
  fi
}
complete -o default -F _${program} ${program}
`;
}

/** The same for zsh, over its bash compatibility. */
export function zshCompletion(completed: Completed): string {
  return `#compdef ${completed.program}
autoload -U +X bashcompinit && bashcompinit
${bashCompletion(completed)}`;
}
