/**
 * The certificate that stands where there is none: for a name without one of its own while the platform has none either, the router still
 * answers a handshake, with a key that was made on this very host. Nobody should trust it, so it is as small as X.509 allows.
 *
 * The form is RFC 5280's, an EC key on P-256, signed with ECDSA and SHA-256.
 */
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Makes `self-made.cert` and `self-made.key` in `directory` unless both are there. Only their owner may read them. */
export async function ensureSelfMadeCertificate(directory: string, now = new Date()): Promise<void> {
  const files = { cert: join(directory, "self-made.cert"), key: join(directory, "self-made.key") };
  if (existsSync(files.cert) && existsSync(files.key)) return;
  await mkdir(directory, { recursive: true });
  const made = makeCertificate(now);
  // The certificate last: it is what shows that both are whole.
  for (const part of ["key", "cert"] as const) {
    await writeFile(`${files[part]}.new`, made[part], { mode: 0o600 });
    await rename(`${files[part]}.new`, files[part]);
  }
}

function makeCertificate(now: Date): { readonly cert: string; readonly key: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  // ecdsa-with-SHA256, and the attribute commonName.
  const algorithm = sequence(objectId("2a8648ce3d040302"));
  const name = sequence(der(0x31, sequence(objectId("550403"), der(0x0c, Buffer.from("deis-router")))));
  const serial = randomBytes(16);
  serial.writeUInt8((serial.readUInt8(0) & 0x3f) | 0x40, 0);
  const body = sequence(
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, serial),
    algorithm,
    name,
    // A day back, for clocks that differ; then ten years.
    sequence(time(now.getTime() - day), time(now.getTime() + 3_650 * day)),
    name,
    publicKey.export({ type: "spki", format: "der" }),
  );
  const signature = der(0x03, Buffer.concat([Buffer.of(0), sign("sha256", body, privateKey)]));
  return {
    cert: pem("CERTIFICATE", sequence(body, algorithm, signature)),
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

const day = 24 * 3_600_000;

/** One value of ASN.1 in DER: tag, length, content (X.690). */
function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size =
    length < 0x80
      ? Buffer.of(length)
      : length < 0x100
        ? Buffer.of(0x81, length)
        : Buffer.of(0x82, length >> 8, length & 0xff);
  return Buffer.concat([Buffer.of(tag), size, content]);
}

function sequence(...items: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(items));
}

function objectId(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, "hex"));
}

/** UTCTime, which RFC 5280 wants until 2049. */
function time(ms: number): Buffer {
  return der(0x17, Buffer.from(`${new Date(ms).toISOString().slice(2, 19).replace(/[-T:]/g, "")}Z`));
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
