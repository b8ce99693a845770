/**
 * Deis v1's names of app containers, `<app>_v<version>.<type>.<number>`, and its rule for which of them are routed to.
 *
 * The rule here is Deis v1's publisher's, read as it was meant: the whole name must have this form (`app_v2.web.1x` has not), and the
 * dots are dots.
 *
 * Pure.
 */

/** `shop_v12.web.3`: app `shop`, version 12, type `web`, number 3. */
export interface ReleaseName {
  readonly app: string;
  readonly version: number;
  /** Only these two types are routed to; workers and one-off commands are not. */
  readonly type: "web" | "cmd";
  readonly number: number;
}

/** Takes the name of a unit (without type) or container apart; undefined if it is none that Deis v1 routed to. */
export function parseReleaseName(name: string): ReleaseName | undefined {
  const [, app, version, type, number] =
    /^([a-z0-9-]+)_v([1-9][0-9]{0,8})\.(web|cmd)\.([1-9][0-9]{0,8})$/.exec(name) ?? [];
  if (app === undefined || (type !== "web" && type !== "cmd")) return undefined;
  return { app, version: Number(version), type, number: Number(number) };
}

/**
 * The highest version among these names of endpoints of one app, 0 if there is none: a release is routed to only if its version is not
 * below. Names of another form do not count.
 */
export function newestVersion(app: string, names: Iterable<string>): number {
  let newest = 0;
  for (const name of names) {
    const release = parseReleaseName(name);
    if (release?.app === app && release.version > newest) newest = release.version;
  }
  return newest;
}
