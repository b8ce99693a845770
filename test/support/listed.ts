/** What deisctl's lists say, as rows whose cells stand one space apart: `hello.service loaded active`. */
import type { DeployedCluster } from "./deployed-cluster.ts";

/** The rows of `list-units`, `list-unit-files` or `list-machines`, in the order in which they came. */
export async function listed(
  deployed: DeployedCluster,
  list: "list-units" | "list-unit-files" | "list-machines",
  fields: string,
): Promise<readonly string[]> {
  const printed = await deployed.deisctl(list, "--no-legend", `--fields=${fields}`);
  return printed
    .split("\n")
    .filter((row) => row !== "")
    .map((row) => row.replaceAll(/\s+/g, " "));
}
