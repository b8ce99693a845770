/** Fills in what a template leaves open, as text, so that `deisctl cat` shows exactly what will run. Pure. */

export interface Installation {
  readonly component: string;
  /** `/deis/<component>/image`, if the operator chose one. */
  readonly image: string | undefined;
  /** `/deis/platform/version`, or the version of this package. */
  readonly version: string;
  /** Text to append, or undefined. */
  readonly decorator: string | undefined;
}

/** The text to submit for an installed component. A template without an `Image=deis/<component>` line keeps its lines as they are. */
export function instantiate(template: string, installation: Installation): string {
  const { component, image, version, decorator } = installation;
  const lines = template
    .split("\n")
    .map((line) =>
      line.trimEnd() === `Image=deis/${component}`
        ? `Image=${image ?? `deis/${component}:${version}`}`
        : line,
    );
  const text = lines.join("\n");
  return decorator === undefined ? text : `${text}\n${decorator}`;
}
