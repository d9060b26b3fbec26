#include "security/pki.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "base/rng.h"
#include "base/virtual_fs.h"
#include "security/memory_fs.h"

namespace dunlin::security {
namespace {

using std::chrono::days;
using std::chrono::hours;
using testing::HasSubstr;
using testing::Not;

std::string der_of(const std::string& pem) {
  return certificates_from_pem(pem).value().front();
}

/// Runs a command line and answers its output with both streams; the exit status goes last as "status=N".
std::string run(const std::string& command) {
  std::string output;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  std::array<char, 4096> buffer{};
  while (const std::size_t got = fread(buffer.data(), 1, buffer.size(), pipe))
    output.append(buffer.data(), got);
  return output + "status=" + std::to_string(pclose(pipe));
}

struct PkiTest : testing::Test {
  MemoryFs fs;
  VirtualClock clock;
  SystemRng rng;
  PkiOptions options{
      .host_name = "hub.example", .names = {"broker.example"}, .addresses = {"192.0.2.7", "2001:db8::7"}};

  std::unique_ptr<Pki> open() {
    auto pki = Pki::open(fs, clock, rng, "data", options);
    EXPECT_TRUE(pki) << pki.error().message;
    return std::move(*pki);
  }
};

struct ToolTest : PkiTest {
  std::filesystem::path folder = std::filesystem::temp_directory_path() / ("dunlin_pki_" + rng.uuid());
  ToolTest() { std::filesystem::create_directories(folder); }
  ~ToolTest() override { std::filesystem::remove_all(folder); }
  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(folder / name) << text;
    return (folder / name).string();
  }
  std::string read(const std::string& name) const {
    std::ifstream input(folder / name);
    return {std::istreambuf_iterator<char>(input), {}};
  }
};

TEST_F(PkiTest, MakesAuthoritiesAndServerCertificateAndKeepsThem) {
  auto first = open();
  const ServerIdentity before = first->server_identity();
  const std::string root = first->root_pem();
  auto second = open();
  EXPECT_EQ(second->root_pem(), root);
  EXPECT_EQ(second->server_identity().certificate_chain_pem, before.certificate_chain_pem);
  EXPECT_EQ(second->server_identity().private_key_pem, before.private_key_pem);
  EXPECT_TRUE(check_key_belongs(before.private_key_pem, before.certificate_chain_pem));
  EXPECT_TRUE(second->verify(der_of(before.certificate_chain_pem), Purpose::server, clock.wall_now()));
}

TEST_F(PkiTest, ServerCertificateNamesEveryConfiguredNameAndNoOther) {
  const std::string pem = open()->server_identity().certificate_chain_pem;
  for (const char* name :
       {"localhost", "hub.example", "broker.example", "127.0.0.1", "::1", "192.0.2.7", "2001:db8::7"}) {
    EXPECT_TRUE(check_covers(pem, name)) << name;
  }
  for (const char* name : {"other.example", "192.0.2.8", "example", ""})
    EXPECT_FALSE(check_covers(pem, name)) << name;
}

TEST_F(PkiTest, ServerCertificateIsRenewedAtTwoThirdsOfItsLife) {
  auto pki = open();
  const std::string first = pki->server_identity().info.fingerprint;
  clock.advance_to(Instant{days{59}});
  EXPECT_EQ(pki->renew_server_certificate_if_due().value(), Renewal::not_due);
  EXPECT_EQ(pki->server_identity().info.fingerprint, first);
  clock.advance_to(Instant{days{61}});
  EXPECT_EQ(pki->renew_server_certificate_if_due().value(), Renewal::renewed);
  const std::string second = pki->server_identity().info.fingerprint;
  EXPECT_NE(second, first);
  EXPECT_EQ(open()->server_identity().info.fingerprint, second);
  clock.advance_to(Instant{days{200}});
  EXPECT_NE(open()->server_identity().info.fingerprint, second) << "an old one is renewed at start-up";
}

TEST_F(PkiTest, ServerCertificateIsMadeAnewForANewName) {
  const std::string first = open()->server_identity().info.fingerprint;
  options.names.push_back("new.example");
  auto pki = open();
  EXPECT_NE(pki->server_identity().info.fingerprint, first);
  EXPECT_TRUE(check_covers(pki->server_identity().certificate_chain_pem, "new.example"));
}

TEST_F(PkiTest, NamesOfTheServerThatAreNoNamesAreRefused) {
  for (const char* name : {"bad name", "a,DNS:evil.example", "", "*.example", "a\nb"}) {
    options.names = {name};
    const auto pki = Pki::open(fs, clock, rng, "data", options);
    ASSERT_FALSE(pki) << name;
    EXPECT_EQ(pki.error().code, Errc::invalid_argument);
  }
  options.names = {};
  options.addresses = {"300.1.1.1"};
  EXPECT_EQ(Pki::open(fs, clock, rng, "data", options).error().code, Errc::invalid_argument);
  options.addresses.assign(kMaxServerNames, "192.0.2.1");
  for (std::size_t i = 0; i < kMaxServerNames; ++i) options.addresses[i] = "192.0.2." + std::to_string(i);
  EXPECT_EQ(Pki::open(fs, clock, rng, "data", options).error().code, Errc::limit_exceeded);
}

TEST_F(PkiTest, AFailureAtAnyCallLeavesAStateThatTheNextStartCompletes) {
  open();
  const long calls = fs.changes;
  ASSERT_GT(calls, 20);
  for (long point = 0; point < calls; ++point) {
    MemoryFs disk;
    disk.fail_from = point;
    EXPECT_FALSE(Pki::open(disk, clock, rng, "data", options)) << point;
    const std::string root_before =
        disk.files.contains("data/pki/root.pem") ? disk.files["data/pki/root.pem"] : "";
    disk.fail_from = -1;
    const auto pki = Pki::open(disk, clock, rng, "data", options);
    ASSERT_TRUE(pki) << point << ": " << pki.error().message;
    if (!root_before.empty()) {
      EXPECT_EQ((*pki)->root_pem(), root_before);
    }
    EXPECT_TRUE((*pki)->verify(der_of((*pki)->server_identity().certificate_chain_pem), Purpose::server,
                               clock.wall_now()));
  }
}

TEST_F(PkiTest, APowerCutAtAnyCallLeavesAStateThatTheNextStartCompletes) {
  SeededRng chance(7);
  std::uint64_t calls = 0;
  {
    VirtualFs disk;
    ASSERT_TRUE(Pki::open(disk, clock, rng, "data", options));
    calls = disk.counts().changes;
  }
  for (std::uint64_t point = 1; point <= calls; ++point) {
    VirtualFs disk;
    disk.stop_at_call(point);
    EXPECT_FALSE(Pki::open(disk, clock, rng, "data", options)) << point;
    disk.cut_power(chance);
    const auto pki = Pki::open(disk, clock, rng, "data", options);
    ASSERT_TRUE(pki) << point << ": " << pki.error().message;
    const std::string root = (*pki)->root_pem();
    disk.cut_power(chance);
    const auto again = Pki::open(disk, clock, rng, "data", options);
    ASSERT_TRUE(again) << point << ": " << again.error().message;
    EXPECT_EQ((*again)->root_pem(), root) << "what open() has answered is on the disk";
  }
}

TEST_F(PkiTest, AFailureWhileRenewingLeavesAUsableState) {
  auto pki = open();
  clock.advance_to(Instant{days{80}});
  const auto disk = fs.files;
  const long before = fs.changes;
  ASSERT_EQ(pki->renew_server_certificate_if_due().value(), Renewal::renewed);
  const long calls = fs.changes - before;
  for (long point = 0; point < calls; ++point) {
    fs.files = disk;
    auto again = open();  // renews at once, so go back to the old state below
    fs.files = disk;
    fs.fail_from = fs.changes + point;
    EXPECT_FALSE(Pki::open(fs, clock, rng, "data", options)) << point;
    fs.fail_from = -1;
    auto opened = open();
    EXPECT_TRUE(opened->verify(der_of(opened->server_identity().certificate_chain_pem), Purpose::server,
                               clock.wall_now()));
    EXPECT_EQ(opened->root_pem(), pki->root_pem());
  }
}

TEST_F(PkiTest, DamagedOrMissingAuthorityIsAnErrorAndNeverReplaced) {
  open();
  const auto good = fs.files;
  for (const char* name : {"root.pem", "intermediate.pem", "intermediate.key", "root.key"}) {
    fs.files = good;
    fs.files[std::string("data/pki/") + name] = "rubbish";
    const auto pki = Pki::open(fs, clock, rng, "data", options);
    ASSERT_FALSE(pki) << name;
    EXPECT_EQ(pki.error().code, Errc::corrupt) << name;
    EXPECT_EQ(fs.files["data/pki/root.pem"],
              std::string(name) == "root.pem" ? "rubbish" : good.at("data/pki/root.pem"));
  }
  for (const char* name : {"root.pem", "intermediate.key"}) {
    fs.files = good;
    fs.files.erase(std::string("data/pki/") + name);
    EXPECT_EQ(Pki::open(fs, clock, rng, "data", options).error().code, Errc::corrupt) << name;
  }
  fs.files = good;
  fs.files["data/pki/intermediate.key"] = good.at("data/pki/root.key");
  EXPECT_EQ(Pki::open(fs, clock, rng, "data", options).error().code, Errc::corrupt)
      << "a key of another certificate";
}

TEST_F(PkiTest, TheRootKeyMayBeTakenOffline) {
  const std::string root = open()->root_pem();
  fs.files.erase("data/pki/root.key");
  auto pki = open();
  EXPECT_EQ(pki->root_pem(), root);
  EXPECT_TRUE(pki->issue_device_certificate({.thing_name = "press-01", .csr_pem = {}}));
}

TEST_F(PkiTest, IssuesADeviceCertificateForTheNameItIsAsked) {
  auto pki = open();
  const auto issued =
      pki->issue_device_certificate({.thing_name = "press-01", .csr_pem = {}, .lifetime = days{30}}).value();
  EXPECT_EQ(issued.info.thing_name, "press-01");
  EXPECT_EQ(issued.info.common_name, "press-01");
  EXPECT_EQ(issued.info.role, CertificateInfo::Role::leaf);
  EXPECT_EQ(issued.info.fingerprint.size(), 64U);
  EXPECT_EQ(std::chrono::floor<std::chrono::seconds>(clock.wall_now() + days{30}), issued.info.not_after);
  EXPECT_TRUE(check_key_belongs(issued.private_key_pem, issued.certificate_pem));
  EXPECT_TRUE(pki->verify(der_of(issued.certificate_pem), Purpose::client, clock.wall_now()));
  const auto other = pki->issue_device_certificate({.thing_name = "press-01", .csr_pem = {}}).value();
  EXPECT_NE(other.info.serial, issued.info.serial);
}

TEST_F(PkiTest, TheNameInTheCsrIsIgnored) {
  auto pki = open();
  const std::string key = generate_key_pem().value();
  const std::string csr = make_csr_pem(key, "admin").value();
  const auto issued = pki->issue_device_certificate({.thing_name = "press-01", .csr_pem = csr}).value();
  EXPECT_EQ(issued.info.common_name, "press-01");
  EXPECT_EQ(issued.info.thing_name, "press-01");
  EXPECT_TRUE(issued.private_key_pem.empty());
  EXPECT_TRUE(check_key_belongs(key, issued.certificate_pem));
}

TEST_F(PkiTest, BrokenCsrsAreRefused) {
  auto pki = open();
  const std::string good = make_csr_pem(generate_key_pem().value(), "x").value();
  std::size_t refused = 0;
  const std::size_t body = good.find('\n') + 1;
  // In the last group of four, padded or not, a changed character may leave the bytes as they were.
  const std::size_t last_group = good.rfind("\n-----END") - 4;
  for (std::size_t at = body; at < last_group; at += 3) {
    std::string bad = good;
    bad[at] = bad[at] == 'A' ? 'B' : 'A';
    if (bad == good) continue;
    const auto issued = pki->issue_device_certificate({.thing_name = "press-01", .csr_pem = bad});
    EXPECT_FALSE(issued) << at;
    ++refused;
  }
  EXPECT_GT(refused, 50U);
  for (const std::string& csr : {std::string("x"), std::string(20'000, 'A'), pki->root_pem()}) {
    EXPECT_FALSE(pki->issue_device_certificate({.thing_name = "press-01", .csr_pem = csr}));
  }
}

TEST_F(PkiTest, BadNamesAndLifetimesAreRefused) {
  auto pki = open();
  for (const std::string& name : {std::string(), std::string("a/b"), std::string("a+"), std::string("#"),
                                  std::string("$SYS"), std::string("user-x"), std::string("a\0b", 3),
                                  std::string(129, 'a'), std::string("a b"), std::string("\xc3\xa4")}) {
    const auto issued = pki->issue_device_certificate({.thing_name = name, .csr_pem = {}});
    ASSERT_FALSE(issued) << name;
    EXPECT_EQ(issued.error().code, Errc::invalid_argument);
  }
  for (const std::size_t length : {64, 65, 128}) {
    const std::string name(length, 'a');
    const auto issued = pki->issue_device_certificate({.thing_name = name, .csr_pem = {}}).value();
    EXPECT_EQ(issued.info.thing_name, name);
    EXPECT_EQ(issued.info.common_name, length <= kMaxCommonName ? name : "");
    EXPECT_TRUE(pki->verify(der_of(issued.certificate_pem), Purpose::client, clock.wall_now()));
  }
  for (const Duration lifetime : {Duration{0}, Duration{-1}, Duration{kMaxDeviceLifetime} + Duration{1}}) {
    EXPECT_FALSE(pki->issue_device_certificate({.thing_name = "a", .csr_pem = {}, .lifetime = lifetime}));
  }
}

TEST_F(PkiTest, ChainsThatMustFail) {
  auto pki = open();
  const auto device =
      pki->issue_device_certificate({.thing_name = "a", .csr_pem = {}, .lifetime = days{10}}).value();
  const std::string der = der_of(device.certificate_pem);
  const WallTime now = clock.wall_now();
  EXPECT_TRUE(pki->verify(der, Purpose::client, now));
  EXPECT_FALSE(pki->verify(der, Purpose::client, now + days{11})) << "expired";
  EXPECT_FALSE(pki->verify(der, Purpose::client, now - days{1})) << "not yet valid";
  EXPECT_FALSE(pki->verify(der, Purpose::server, now)) << "a device's certificate is no server's";
  EXPECT_FALSE(pki->verify(der_of(pki->server_identity().certificate_chain_pem), Purpose::client, now))
      << "and back";
  EXPECT_FALSE(pki->verify(der_of(pki->root_pem()), Purpose::client, now)) << "an authority is no device";
  EXPECT_FALSE(pki->verify(der_of(pki->client_ca_pem()), Purpose::client, now)) << "nor is the intermediate";
  MemoryFs other_fs;
  auto other = Pki::open(other_fs, clock, rng, "data", options).value();
  const auto foreign = other->issue_device_certificate({.thing_name = "a", .csr_pem = {}}).value();
  EXPECT_FALSE(pki->verify(der_of(foreign.certificate_pem), Purpose::client, now))
      << "another authority of the same name";
}

TEST_F(PkiTest, AnIssuerThatIsNoAuthorityAndAPathTooLongFail) {
  auto pki = open();
  const auto device = pki->issue_device_certificate({.thing_name = "a", .csr_pem = {}}).value();
  CertificateProfile profile{.kind = CertificateProfile::Kind::device,
                             .common_name = "b",
                             .organisation = "",
                             .dns_names = {},
                             .addresses = {},
                             .uri = "urn:dunlin:thing:b",
                             .not_before = clock.wall_now() - hours{1},
                             .not_after = clock.wall_now() + hours{1}};
  profile.serial.fill(7);
  const std::string key = generate_key_pem().value();
  const std::string forged = sign_certificate(profile, public_key_of(key).value(),
                                              Signer{device.private_key_pem, device.certificate_pem})
                                 .value();
  const auto check = [&](const std::string& leaf, const std::string& between) {
    return verify_chain({.leaf_der = der_of(leaf),
                         .intermediates_pem = between,
                         .anchors_pem = pki->root_pem(),
                         .purpose = Purpose::client,
                         .at = clock.wall_now()});
  };
  EXPECT_FALSE(check(forged, device.chain_pem)) << "signed by a device (CA:FALSE)";
  profile.kind = CertificateProfile::Kind::intermediate;
  profile.uri.clear();
  const std::string authority_key = generate_key_pem().value();
  const std::string deeper =
      sign_certificate(profile, public_key_of(authority_key).value(),
                       Signer{fs.files["data/pki/intermediate.key"], fs.files["data/pki/intermediate.pem"]})
          .value();
  profile.kind = CertificateProfile::Kind::device;
  const std::string leaf =
      sign_certificate(profile, public_key_of(key).value(), Signer{authority_key, deeper}).value();
  EXPECT_FALSE(check(leaf, deeper + fs.files["data/pki/intermediate.pem"])) << "path length 0 is exceeded";
}

TEST_F(PkiTest, EveryFlippedBitOfACertificateIsDetected) {
  auto pki = open();
  const auto device = pki->issue_device_certificate({.thing_name = "a", .csr_pem = {}}).value();
  const std::string good = der_of(device.certificate_pem);
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << at % 8));
    EXPECT_FALSE(pki->verify(bad, Purpose::client, clock.wall_now())) << at;
    if (const auto info = parse_certificate(as_bytes(bad))) {
      EXPECT_NE(info->fingerprint, device.info.fingerprint);
    }
  }
}

TEST_F(PkiTest, ParsingRefusesRubbishAndTrailingBytes) {
  auto pki = open();
  const std::string good =
      der_of(pki->issue_device_certificate({.thing_name = "a", .csr_pem = {}})->certificate_pem);
  EXPECT_TRUE(parse_certificate(as_bytes(good)));
  EXPECT_FALSE(parse_certificate(as_bytes(good + "x")));
  EXPECT_FALSE(parse_certificate({}));
  for (std::size_t length = 0; length < good.size(); length += 7)
    EXPECT_FALSE(parse_certificate(as_bytes(good.substr(0, length))));
  EXPECT_EQ(parse_certificate(as_bytes(std::string(kMaxCertificateBytes + 1, '0'))).error().code,
            Errc::limit_exceeded);
  std::string many;
  for (std::size_t i = 0; i <= kMaxChainLength; ++i) many += pki->root_pem();
  EXPECT_EQ(certificates_from_pem(many).error().code, Errc::limit_exceeded);
  EXPECT_FALSE(certificates_from_pem(pki->root_pem() + "-----BEGIN CERTIFICATE-----\nAAAA"));
}

TEST_F(PkiTest, ParsingRefusesAThingNameThatIsNone) {
  auto pki = open();
  const std::string key = generate_key_pem().value();
  CertificateProfile profile{.kind = CertificateProfile::Kind::device,
                             .common_name = "a",
                             .organisation = "",
                             .dns_names = {},
                             .addresses = {},
                             .uri = "",
                             .not_before = clock.wall_now(),
                             .not_after = clock.wall_now() + hours{1}};
  profile.serial.fill(1);
  const auto info = [&](const std::string& uri) {
    profile.uri = uri;
    return parse_certificate(
        as_bytes(der_of(sign_certificate(profile, public_key_of(key).value(), Signer{key, {}}).value())));
  };
  EXPECT_EQ(info("urn:dunlin:thing:ok")->thing_name, "ok");
  EXPECT_EQ(info("urn:other:ok")->thing_name, "");
  for (const std::string& name :
       {std::string(""), std::string("a/b"), std::string("#"), std::string("a\0.b", 4)}) {
    EXPECT_EQ(info("urn:dunlin:thing:" + name).error().code, Errc::malformed) << name;
  }
  profile.common_name = std::string("a\0b", 3);
  EXPECT_EQ(info("urn:dunlin:thing:ok").error().code, Errc::malformed) << "NUL in the common name";
  profile.common_name = "a";
  profile.not_after = WallTime::max();
  EXPECT_TRUE(info("urn:dunlin:thing:ok")) << "a date far away does not overflow";
}

TEST_F(ToolTest, OpensslAgreesWithWhatWeIssue) {
  auto pki = open();
  clock.advance_to(Instant{hours{1}});
  const auto device = pki->issue_device_certificate({.thing_name = "press-01", .csr_pem = {}}).value();
  const std::string root = file("root.pem", pki->root_pem());
  const std::string middle = file("intermediate.pem", fs.files["data/pki/intermediate.pem"]);
  const std::string leaf = file("device.pem", device.certificate_pem);
  const std::string server = file("server.pem", pki->server_identity().certificate_chain_pem);
  const std::string at = std::to_string(unix_milliseconds(clock.wall_now()) / 1000);
  const std::string verify =
      "openssl verify -x509_strict -attime " + at + " -CAfile " + root + " -untrusted " + middle;
  EXPECT_THAT(run(verify + " -purpose sslclient " + leaf), HasSubstr("OK\nstatus=0"));
  EXPECT_THAT(run(verify + " -purpose sslserver -verify_hostname localhost " + server),
              HasSubstr("OK\nstatus=0"));
  EXPECT_THAT(run(verify + " -purpose sslserver -verify_ip ::1 " + server), HasSubstr("OK\nstatus=0"));
  EXPECT_THAT(run(verify + " -purpose sslserver " + leaf), Not(HasSubstr("status=0")));
  EXPECT_THAT(run(verify + " -purpose sslclient " + server), Not(HasSubstr("status=0")));
  const std::string text = run("openssl x509 -noout -text -in " + leaf);
  for (const char* part :
       {"Version: 3", "CN = press-01", "URI:urn:dunlin:thing:press-01", "TLS Web Client Authentication",
        "CA:FALSE", "Digital Signature", "Subject Key Identifier", "Authority Key Identifier",
        "ecdsa-with-SHA256", "prime256v1"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  EXPECT_THAT(run("openssl x509 -noout -text -in " + middle), HasSubstr("CA:TRUE, pathlen:0"));
  EXPECT_THAT(run("openssl x509 -noout -fingerprint -sha256 -in " + leaf + " | tr -d : | tr A-F a-f"),
              HasSubstr(device.info.fingerprint));
}

TEST_F(ToolTest, KeysOfOtherToolsAreAcceptedOrRefusedByStrength) {
  auto pki = open();
  struct Case {
    const char* arguments;
    bool accepted;
  };
  const std::vector<Case> cases = {
      {"-newkey ec -pkeyopt ec_paramgen_curve:P-256", true},
      {"-newkey ec -pkeyopt ec_paramgen_curve:P-384", true},
      {"-newkey ed25519", true},
      {"-newkey rsa:2048", true},
      {"-newkey rsa:2048 -sha1", false},
      {"-newkey rsa:1024", false},
      {"-newkey ec -pkeyopt ec_paramgen_curve:secp256k1", false},
      {"-newkey ec -pkeyopt ec_paramgen_curve:P-224", false},
      {"-newkey ec -pkeyopt ec_paramgen_curve:P-521", false},
      {"-newkey ec -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit", false},
      {"-newkey ed448", false}};
  for (const Case& one : cases) {
    const std::string csr = (folder / "req.csr").string();
    const std::string made =
        run("openssl req -new -nodes -keyout /dev/null -subj /CN=evil -out " + csr + " " + one.arguments);
    ASSERT_THAT(made, HasSubstr("status=0")) << one.arguments;
    const auto issued = pki->issue_device_certificate({.thing_name = "press-01", .csr_pem = read("req.csr")});
    EXPECT_EQ(issued.has_value(), one.accepted)
        << one.arguments << (issued ? "" : ": " + issued.error().message);
    if (!issued) {
      EXPECT_EQ(issued.error().code, Errc::invalid_argument);
      continue;
    }
    EXPECT_EQ(issued->info.common_name, "press-01");
    EXPECT_TRUE(pki->verify(der_of(issued->certificate_pem), Purpose::client, clock.wall_now()));
  }
}

TEST_F(ToolTest, FilesAreReadableByTheirOwnerOnly) {
  const auto real = make_system_fs();
  ASSERT_TRUE(Pki::open(*real, clock, rng, folder.string(), options));
  std::size_t seen = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / "pki")) {
    const bool is_folder = entry.is_directory();
    EXPECT_EQ(static_cast<unsigned>(entry.status().permissions()), is_folder ? 0700U : 0600U) << entry.path();
    seen += is_folder ? 0 : 1;
  }
  EXPECT_EQ(seen, 7U) << "root, intermediate and server with their keys, and the root's list";
  ASSERT_TRUE(Pki::open(*real, clock, rng, folder.string(), options));
}

}  // namespace
}  // namespace dunlin::security
