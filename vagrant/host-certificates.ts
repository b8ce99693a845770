/**
 * What can be wrong with a host's certificates, found before they are installed: a daemon that cannot connect says only that
 * a handshake failed. No file is read here and no clock: the contents and the time are passed in.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";

/** The contents of the three files, PEM. */
export interface CertificateFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/**
 * The first thing that is wrong, as a sentence; undefined when all is well. With `address`, the certificate must be good for
 * a server that is reached there.
 */
export function certificateProblem(files: CertificateFiles, now: Date, address?: string): string | undefined {
  const authorities = certificatesIn(files.ca);
  const [own, ...chain] = certificatesIn(files.cert);
  if (authorities.length === 0) return "--ca holds no certificate";
  if (own === undefined) return "--cert holds no certificate";
  if (!keyFits(own, files.key)) return "--key is not the private key of --cert";
  const until = new Date(own.validTo);
  if (until < now) return `--cert ran out on ${until.toISOString()}`;
  if (![...chain, ...authorities].some((issuer) => own.checkIssued(issuer) && own.verify(issuer.publicKey))) {
    return "--cert was not issued by --ca";
  }
  if (address !== undefined && own.checkIP(address) === undefined) {
    return `--cert is not for the address "${address}", but for ${own.subjectAltName ?? "no address at all"}`;
  }
  return undefined;
}

function keyFits(certificate: X509Certificate, key: string): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(key));
  } catch {
    // No key, or one that needs a password: it does not fit either way.
    return false;
  }
}

function certificatesIn(pem: string): readonly X509Certificate[] {
  try {
    return (pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map(
      (block) => new X509Certificate(block),
    );
  } catch {
    // A block that is no certificate makes the file none.
    return [];
  }
}
