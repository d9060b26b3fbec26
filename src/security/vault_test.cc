#include "security/vault.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "base/clock.h"
#include "base/hex.h"
#include "base/rng.h"
#include "base/virtual_fs.h"
#include "keys/token_fixture.h"
#include "keys/token_uri.h"
#include "security/audit_head.h"
#include "security/limits.h"
#include "security/memory_fs.h"
#include "security/pki.h"
#include "security/sealed.h"
#include "security/secret_file.h"
#include "security/vault_files.h"

namespace dunlin::security {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Kept = SecretFileState::Kept;

constexpr std::string_view kPassphrase = "correct horse battery";

VaultLock lock(std::string_view passphrase = kPassphrase) {
  return VaultLock::with_passphrase(std::string(passphrase));
}

/// The secrets of a data folder, as a server makes them.
struct Secrets {
  std::string token, provision, audit, root, server, issuers;
  bool operator==(const Secrets&) const = default;
};

struct VaultTest : testing::Test {
  /// Opens or makes what a server has in its folder. Errors: those of its parts.
  Result<Secrets> start(Fs& disk, const Vault* vault) {
    const SecretFiles files(disk, vault);
    Secrets found;
    DUNLIN_CHECK(disk.create_folders("data"));
    DUNLIN_TRY(found.token, load_secret_file(files, rng, "data/token.secret"));
    DUNLIN_TRY(found.provision, load_secret_file(files, rng, "data/provision.secret"));
    DUNLIN_TRY(const AuditKey audit, AuditKey::open(files, rng, "data"));
    found.audit = to_hex(audit.sign({}));
    PkiOptions options;
    options.keys.vault = vault;
    DUNLIN_TRY(const auto pki, Pki::open(disk, clock, rng, "data", options));
    found.server = pki->server_identity().private_key_pem;
    found.issuers = pki->client_ca_pem();
    DUNLIN_TRY(found.root, files.read("data/pki/root.key", kMaxPemFileBytes));
    return found;
  }
  std::vector<SecretFileState> files_of(Fs& disk) { return secret_files(disk, "data").value(); }
  std::vector<Kept> kept(Fs& disk) {
    std::vector<Kept> all;
    for (const auto& file : files_of(disk)) all.push_back(file.kept);
    return all;
  }

  MemoryFs fs;
  VirtualClock clock;
  SystemRng rng;
};

TEST_F(VaultTest, NoSecretIsInTheClearOnceTheyAreProtected) {
  const Secrets before = start(fs, nullptr).value();
  EXPECT_THAT(kept(fs), Each(Kept::in_the_clear));
  const auto vault = Vault::make(fs, rng, "data", lock()).value();
  EXPECT_EQ(seal_files(fs, "data", *vault).value(), kept(fs).size());
  EXPECT_THAT(kept(fs), Each(Kept::sealed));
  for (const auto& file : files_of(fs)) {
    const std::string text = read_file(fs, file.path).value();
    EXPECT_THAT(text, Not(HasSubstr("PRIVATE KEY"))) << file.path;
    EXPECT_THAT(text, Not(HasSubstr(before.token))) << file.path;
    EXPECT_THAT(text, Not(HasSubstr(before.provision))) << file.path;
  }
  EXPECT_EQ(start(fs, vault.get()).value(), before) << "and nothing else has changed";
  EXPECT_EQ(seal_files(fs, "data", *vault).value(), 0U) << "a second time there is nothing to do";
}

TEST_F(VaultTest, SecretsOfBridgesAreSealedAndTheirAuthoritiesStayReadable) {
  fs.create_folders("data/bridge-secrets").value();
  const std::string authority = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
  ASSERT_TRUE(write_file_atomically(fs, "data/bridge-secrets/password", as_bytes("of the other server\n")));
  ASSERT_TRUE(write_file_atomically(fs, "data/bridge-secrets/ca.pem", as_bytes(authority)));
  const auto vault = Vault::make(fs, rng, "data", lock()).value();
  EXPECT_EQ(seal_files(fs, "data", *vault).value(), 1U);
  EXPECT_EQ(read_file(fs, "data/bridge-secrets/ca.pem").value(), authority);
  EXPECT_THAT(read_file(fs, "data/bridge-secrets/password").value(), Not(HasSubstr("of the other")));
  EXPECT_EQ(SecretFiles(fs, vault.get()).read("data/bridge-secrets/password", 4096).value(),
            "of the other server\n");
}

TEST_F(VaultTest, WithoutThePassphraseNothingStarts) {
  start(fs, nullptr).value();
  ASSERT_TRUE(seal_files(fs, "data", *Vault::make(fs, rng, "data", lock()).value()));
  const auto without = start(fs, nullptr);
  EXPECT_EQ(without.error().code, Errc::unavailable);
  EXPECT_THAT(without.error().message, HasSubstr("is sealed"));
  EXPECT_EQ(Vault::open(fs, "data", "").error().code, Errc::invalid_argument);
  EXPECT_THAT(Vault::open(fs, "data", "").error().message, HasSubstr("vault.passphrase"));
  const auto wrong = Vault::open_with(fs, "data", "another passphrase");
  EXPECT_EQ(wrong.error().code, Errc::permission_denied);
  EXPECT_THAT(wrong.error().message, Not(HasSubstr("another passphrase")));
}

TEST_F(VaultTest, WhatAServerMakesLaterIsSealedToo) {
  fs.create_folders("data").value();
  const auto vault = Vault::make(fs, rng, "data", lock()).value();
  PkiOptions options;
  options.keys.vault = vault.get();
  start(fs, vault.get()).value();
  std::string made;
  {
    const auto pki = Pki::open(fs, clock, rng, "data", options).value();
    made = pki->rotate().value().id;
    ASSERT_TRUE(pki->request_intermediate());
  }
  EXPECT_THAT(kept(fs), Each(Kept::sealed));
  const std::string file = read_file(fs, "data/pki/issuers/" + made + ".pem").value();
  EXPECT_THAT(file, StartsWith(std::string(kSealedBegin)));
  EXPECT_THAT(file, HasSubstr("-----BEGIN CERTIFICATE-----")) << "certificates stay readable";
  EXPECT_EQ(Pki::open(fs, clock, rng, "data", options).value()->issuers().front().id, made);
}

TEST_F(VaultTest, AnotherPassphraseChangesOneFile) {
  const Secrets before = start(fs, nullptr).value();
  {
    const auto vault = Vault::make(fs, rng, "data", lock()).value();
    ASSERT_TRUE(seal_files(fs, "data", *vault));
    ASSERT_TRUE(vault->change_lock(fs, rng, "data", lock("a new passphrase")));
  }
  EXPECT_EQ(Vault::open_with(fs, "data", kPassphrase).error().code, Errc::permission_denied);
  const auto vault = Vault::open_with(fs, "data", "a new passphrase").value();
  EXPECT_EQ(start(fs, vault.get()).value(), before);
  EXPECT_EQ(open_files(fs, "data", *vault).value(), kept(fs).size());
  EXPECT_FALSE(Vault::exists(fs, "data"));
  EXPECT_THAT(kept(fs), Each(Kept::in_the_clear));
  EXPECT_EQ(start(fs, nullptr).value(), before);
}

TEST_F(VaultTest, AKeyInATokenOpensAVault) {
  const auto& token = keys::TestToken::instance();
  const std::string uri = keys::make_key_in_token(token.uri("plant"), "vault", rng).value();
  const Secrets before = start(fs, nullptr).value();
  {
    const auto made = Vault::make(fs, rng, "data", VaultLock::with_key(uri)).value();
    ASSERT_TRUE(seal_files(fs, "data", *made));
  }
  const auto vault = Vault::open(fs, "data", "").value();
  EXPECT_EQ(start(fs, vault.get()).value(), before);
  EXPECT_EQ(Vault::open_with(fs, "data", kPassphrase).error().code, Errc::invalid_argument);
}

TEST_F(VaultTest, KeysOfTheAuthorityAreMadeInAToken) {
  const auto& token = keys::TestToken::instance();
  PkiOptions options;
  options.keys.token = token.uri("plant");
  std::string server_key;
  {
    const auto pki = Pki::open(fs, clock, rng, "data", options).value();
    ASSERT_TRUE(pki->rotate());
    const auto issued = pki->issue_device_certificate({.thing_name = "press-01", .csr_pem = {}}).value();
    const auto ders = certificates_from_pem(issued.certificate_pem).value();
    EXPECT_TRUE(pki->verify(ders.front(), Purpose::client, clock.wall_now()));
    EXPECT_TRUE(pki->sign_crl(pki->issuers().front().id, {}));
    EXPECT_EQ(pki->export_root_key(kPassphrase).error().code, Errc::unsupported);
    server_key = pki->server_identity().private_key_pem;
  }
  EXPECT_THAT(kept(fs), Each(Kept::in_token));
  EXPECT_THAT(server_key, StartsWith("pkcs11:"));
  EXPECT_THAT(server_key, Not(HasSubstr(keys::kTestPin)));
  // A renewed certificate keeps its key, so that a token does not fill up.
  clock.advance_to(Instant{std::chrono::days{80}});
  const auto again = Pki::open(fs, clock, rng, "data", options).value();
  EXPECT_EQ(again->server_identity().private_key_pem, server_key);
  // Without the configuration what is there goes on working.
  EXPECT_EQ(Pki::open(fs, clock, rng, "data", {}).value()->issuers().size(), 2U);
}

TEST_F(VaultTest, ATokenThatIsNotThereIsNoDamage) {
  const auto& token = keys::TestToken::instance();
  PkiOptions options;
  options.keys.token = token.uri("plant");
  ASSERT_TRUE(Pki::open(fs, clock, rng, "data", options));
  const std::string gone = keys::uri_of_object(token.uri("elsewhere"), "x") + "\n";
  for (const char* file : {"data/pki/server.key", "data/pki/intermediate.key"}) {
    const std::string before = read_file(fs, file).value();
    ASSERT_TRUE(write_file_atomically(fs, file, as_bytes(gone)));
    const auto refused = Pki::open(fs, clock, rng, "data", options);
    ASSERT_FALSE(refused) << file;
    EXPECT_EQ(refused.error().code, Errc::not_found) << refused.error().message;
    EXPECT_EQ(read_file(fs, file).value(), gone) << "no new key in its place";
    ASSERT_TRUE(write_file_atomically(fs, file, as_bytes(before)));
  }
  EXPECT_TRUE(Pki::open(fs, clock, rng, "data", options));
}

TEST_F(VaultTest, DamageIsFound) {
  start(fs, nullptr).value();
  const auto vault = Vault::make(fs, rng, "data", lock()).value();
  ASSERT_TRUE(seal_files(fs, "data", *vault));
  std::string text = read_file(fs, "data/token.secret").value();
  text[text.size() / 2] = text[text.size() / 2] == 'A' ? 'B' : 'A';
  ASSERT_TRUE(write_file_atomically(fs, "data/token.secret", as_bytes(text)));
  EXPECT_EQ(start(fs, vault.get()).error().code, Errc::corrupt);
  std::string document = read_file(fs, "data/vault.json").value();
  for (const char* bad :
       {"", "{}", "[]", R"({"version":2})", R"({"version":1,"opened_by":"key","sealed":"AA=="})"}) {
    EXPECT_FALSE(vault_document_of(bad)) << bad;
  }
  const auto costly = [&](const std::string& from, const std::string& to) {
    std::string changed = document;
    changed.replace(changed.find(from), from.size(), to);
    return vault_document_of(changed);
  };
  EXPECT_TRUE(vault_document_of(document));
  EXPECT_FALSE(costly("\"n\":32768", "\"n\":1073741824")) << "scrypt that nobody can afford";
  EXPECT_FALSE(costly("\"n\":32768", "\"n\":32767"));
  EXPECT_FALSE(costly("\"r\":8", "\"r\":0"));
  EXPECT_FALSE(costly("\"p\":3", "\"p\":1000"));
}

TEST_F(VaultTest, WeakOrUnfitLocksAreRefused) {
  fs.create_folders("data").value();
  EXPECT_EQ(Vault::make(fs, rng, "data", lock("short")).error().code, Errc::invalid_argument);
  EXPECT_EQ(Vault::make(fs, rng, "data", lock(std::string(1025, 'x'))).error().code, Errc::invalid_argument);
  EXPECT_EQ(Vault::make(fs, rng, "data", VaultLock::with_key(generate_key_pem().value())).error().code,
            Errc::invalid_argument);
  ASSERT_TRUE(Vault::make(fs, rng, "data", lock()));
  EXPECT_EQ(Vault::make(fs, rng, "data", lock()).error().code, Errc::already_exists);
}

/// Every call of a procedure is the last one before a power cut once. With keys in a token: scrypt would take
/// minutes.
TEST_F(VaultTest, APowerCutAtAnyCallLosesNoKey) {
  const std::string token = keys::TestToken::instance().uri("plant");
  const auto first = [&] { return VaultLock::with_key(keys::uri_of_object(token, "cut-1")); };
  const auto second = [&] { return VaultLock::with_key(keys::uri_of_object(token, "cut-2")); };
  ASSERT_TRUE(keys::make_key_in_token(token, "cut-1", rng));
  ASSERT_TRUE(keys::make_key_in_token(token, "cut-2", rng));
  enum class Step { protect, change, unprotect };
  for (const Step step : {Step::protect, Step::change, Step::unprotect}) {
    bool finished = false;
    for (std::uint64_t point = 1; !finished; ++point) {
      VirtualFs disk;
      SeededRng chance(point);
      const Secrets before = start(disk, nullptr).value();
      std::unique_ptr<Vault> vault;
      if (step != Step::protect) {
        vault = Vault::make(disk, rng, "data", first()).value();
        ASSERT_TRUE(seal_files(disk, "data", *vault));
      }
      disk.stop_at_call(point);
      if (step == Step::protect) {
        auto made = Vault::make(disk, rng, "data", first());
        finished = made && seal_files(disk, "data", **made).has_value();
      } else if (step == Step::change) {
        finished = vault->change_lock(disk, rng, "data", second()).has_value();
      } else {
        finished = open_files(disk, "data", *vault).has_value();
      }
      disk.cut_power(chance);
      std::unique_ptr<Vault> after;
      if (Vault::exists(disk, "data")) {
        auto opened = Vault::open(disk, "data", "");
        ASSERT_TRUE(opened) << point << ": " << opened.error().message;
        after = *std::move(opened);
        // As a start does.
        ASSERT_TRUE(seal_files(disk, "data", *after)) << point;
        EXPECT_THAT(kept(disk), Each(Kept::sealed)) << point;
      }
      const auto found = start(disk, after.get());
      ASSERT_TRUE(found) << point << ": " << found.error().message;
      EXPECT_EQ(*found, before) << point;
    }
  }
}

}  // namespace
}  // namespace dunlin::security
