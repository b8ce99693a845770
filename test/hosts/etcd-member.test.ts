import { expect } from "chai";
import { memberEnvironment } from "../../hosts/etcd-member.ts";
import { hostNames } from "../../hosts/names.ts";

describe("an etcd member", () => {
  const hosts = [1, 2, 3].map((number) => hostNames("dev", 0, number));
  const [first] = hosts;

  it("knows all members by address, and lets nobody in without a certificate", () => {
    const text = memberEnvironment("dev", first ?? hostNames("dev", 0, 1), hosts);
    expect(text).to.include(
      'ETCD_INITIAL_CLUSTER="h1=https://10.77.0.11:2380,h2=https://10.77.0.12:2380,h3=https://10.77.0.13:2380"\n',
    );
    expect(text)
      .to.include('ETCD_CLIENT_CERT_AUTH="true"\n')
      .and.to.include('ETCD_PEER_CLIENT_CERT_AUTH="true"\n');
    expect(text).not.to.include("http://");
  });
});
