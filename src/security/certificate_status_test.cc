// What the world is told of our certificates: revocation lists and OCSP.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ocsp.h>

#include "base/metrics.h"
#include "security/certificate_retirement.h"
#include "security/identity_fixture.h"
#include "security/ocsp_responder.h"
#include "security/revocation_lists.h"
#include "security/x509_internal.h"

namespace dunlin::security {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;

using CertId = Handle<OCSP_CERTID, OCSP_CERTID_free>;
using Request = Handle<OCSP_REQUEST, OCSP_REQUEST_free>;
using Response = Handle<OCSP_RESPONSE, OCSP_RESPONSE_free>;
using Basic = Handle<OCSP_BASICRESP, OCSP_BASICRESP_free>;

/// A request as OpenSSL's own client side makes it.
struct Question {
  Request request{OCSP_REQUEST_new()};
  void ask(const std::string& leaf_pem, const std::string& issuer_pem, const EVP_MD* digest = EVP_sha1()) {
    const Certificate leaf = read_certificate(leaf_pem).value();
    const Certificate issuer = read_certificate(issuer_pem).value();
    OCSP_request_add0_id(request.get(), OCSP_cert_to_id(digest, leaf.get(), issuer.get()));
  }
  void nonce(std::string bytes) {
    OCSP_request_add1_nonce(request.get(), reinterpret_cast<unsigned char*>(bytes.data()),
                            static_cast<int>(bytes.size()));
  }
  std::string der() const {
    unsigned char* bytes = nullptr;
    const int length = i2d_OCSP_REQUEST(request.get(), &bytes);
    std::string text(reinterpret_cast<char*>(bytes), static_cast<std::size_t>(length));
    OPENSSL_free(bytes);
    return text;
  }
};

Response parse(const std::string& der) {
  const unsigned char* at = as_bytes(der).data();
  return Response(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(der.size())));
}

struct StatusTest : IdentityTest {
  metrics::Registry metrics;
  std::unique_ptr<RevocationLists> lists = make_lists();
  OcspResponder ocsp{{executor, workers, repository, *pki, revocations, clock, metrics}};

  std::unique_ptr<RevocationLists> make_lists() {
    return std::make_unique<RevocationLists>(
        RevocationLists::Parts{executor, workers, fs, repository, *pki, revocations, clock, metrics, "data"});
  }
  std::vector<std::unique_ptr<RevocationLists>> stopped;  // whose timers are still there
  void restart() {
    stopped.push_back(std::move(lists));
    lists = make_lists();
    lists->start();
  }
  std::string issuer() const { return pki->issuers().front().id; }
  Result<RevocationLists::ListRef> list() {
    return wait<RevocationLists::ListRef>([&](auto done) {
      executor.post([this, done = std::move(done)]() mutable { lists->get(issuer(), std::move(done)); });
    });
  }
  CertificateRecord revoke(const std::string& fingerprint,
                           RevocationReason reason = RevocationReason::unspecified) {
    return wait<CertificateRecord>([&](auto done) {
             certificates->revoke(executor, "ann", fingerprint, reason, std::move(done));
           })
        .value();
  }
  OcspResponder::Answer ask(const std::string& question) {
    return wait<OcspResponder::Answer>([&](auto done) {
             executor.post([this, question, done = std::move(done)]() mutable {
               ocsp.answer(as_bytes(question),
                           [done = std::move(done)](OcspResponder::Answer answer) mutable { done(answer); });
             });
           })
        .value();
  }
  std::string about(const std::string& leaf_pem, const EVP_MD* digest = EVP_sha1()) {
    Question question;
    question.ask(leaf_pem, pki->issuing_pem(), digest);
    return question.der();
  }
  struct Verdict {
    int response = -1;
    int status = -1;
    int reason = -1;
  };
  /// Checks the signature against the root, and reads the first status.
  Verdict verdict(const std::string& der, Duration lifetime = kOcspLifetime) {
    const Response response = parse(der);
    Verdict found;
    if (!response) return found;
    found.response = OCSP_response_status(response.get());
    if (found.response != OCSP_RESPONSE_STATUS_SUCCESSFUL) return found;
    const Basic basic(OCSP_response_get1_basic(response.get()));
    const Handle<X509_STORE, X509_STORE_free> store(X509_STORE_new());
    X509_VERIFY_PARAM* rules = X509_STORE_get0_param(store.get());
    X509_VERIFY_PARAM_set_time(rules, unix_milliseconds(clock.wall_now()) / 1000);
    const Certificate root = read_certificate(pki->root_pem()).value();
    X509_STORE_add_cert(store.get(), root.get());
    EXPECT_EQ(OCSP_basic_verify(basic.get(), nullptr, store.get(), 0), 1);
    OCSP_SINGLERESP* single = OCSP_resp_get0(basic.get(), 0);
    ASN1_GENERALIZEDTIME* from = nullptr;
    ASN1_GENERALIZEDTIME* until = nullptr;
    found.status = OCSP_single_get0_status(single, &found.reason, nullptr, &from, &until);
    EXPECT_EQ(time_of(until).value() - time_of(from).value(), lifetime);
    return found;
  }
};

TEST_F(StatusTest, ARevokedCertificateIsOnTheListWithItsReason) {
  const auto stolen = issue("press-01").value();
  const auto retired = issue("press-01").value();
  const auto honest = issue("press-02").value();
  lists->start();
  const auto first = list().value();
  EXPECT_EQ(first->revoked, 0U);
  revoke(stolen.info.fingerprint, RevocationReason::key_compromise);
  EXPECT_EQ(revoke(retired.info.fingerprint).reason, kRequested);
  const auto second = list().value();
  EXPECT_EQ(second->revoked, 2U);
  EXPECT_GT(second->number, first->number);
  EXPECT_EQ(second->next_update - second->this_update, kCrlLifetime);

  const unsigned char* at = second->der.data();
  const Handle<X509_CRL, X509_CRL_free> crl(
      d2i_X509_CRL(nullptr, &at, static_cast<long>(second->der.size())));
  const Certificate signer = read_certificate(pki->issuing_pem()).value();
  EXPECT_EQ(X509_CRL_verify(crl.get(), X509_get0_pubkey(signer.get())), 1);
  const auto reason_on_list = [&](const IssuedCertificate& issued) {
    const Certificate leaf = read_certificate(issued.certificate_pem).value();
    X509_REVOKED* entry = nullptr;
    if (X509_CRL_get0_by_cert(crl.get(), &entry, leaf.get()) != 1) return std::string("not there");
    const Handle<ASN1_ENUMERATED, ASN1_ENUMERATED_free> reason(
        static_cast<ASN1_ENUMERATED*>(X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, nullptr, nullptr)));
    return reason ? std::to_string(ASN1_ENUMERATED_get(reason.get())) : std::string("none");
  };
  EXPECT_EQ(reason_on_list(stolen), "1");
  EXPECT_EQ(reason_on_list(retired), "none") << "unspecified is left out";
  EXPECT_EQ(reason_on_list(honest), "not there");
}

TEST_F(StatusTest, AListLivesADayIsMadeAnewBeforeAndNumbersOnlyGrow) {
  lists->start();
  const auto first = list().value();
  scheduler.run_for(hours{11});
  EXPECT_EQ(list().value()->number, first->number);
  scheduler.run_for(hours{2});
  const auto second = list().value();
  EXPECT_GT(second->number, first->number);
  restart();
  const auto third = list().value();
  EXPECT_GT(third->number, second->number) << "after a restart";
  const auto stored = read_crl(as_bytes(fs.files["data/pki/crl/" + issuer() + ".crl"]));
  EXPECT_EQ(stored.value().number, third->number);
  fs.files.erase("data/pki/crl/" + issuer() + ".crl");
  scheduler.run_for(minutes{1});
  restart();
  EXPECT_GT(list().value()->number, third->number) << "after the file was lost";
}

TEST_F(StatusTest, ExpiredCertificatesLeaveTheListOnePeriodLater) {
  const auto issued = issue("press-01").value();  // for 30 days
  revoke(issued.info.fingerprint);
  lists->start();
  EXPECT_EQ(list().value()->revoked, 1U);
  scheduler.run_for(days{30} + hours{2});
  EXPECT_EQ(list().value()->revoked, 1U) << "RFC 5280 section 3.3: on one list after its end";
  scheduler.run_for(days{2});
  EXPECT_EQ(list().value()->revoked, 0U);
}

TEST_F(StatusTest, CertificatesOfRegisteredAuthoritiesStayOffOurLists) {
  const auto issued = issue("press-01").value();
  auto record =
      certificate_of(*repository.at(store::DocumentKind::certificate, issued.info.fingerprint)).value();
  record.authority = "abc";
  record.issuer = "";
  record.state = CertificateRecord::State::revoked;
  repository.documents[{store::DocumentKind::certificate, 1, record.fingerprint}] = document_of(record);
  lists->start();
  EXPECT_EQ(list().value()->revoked, 0U);
  EXPECT_EQ(verdict(ask(about(issued.certificate_pem)).der).status, V_OCSP_CERTSTATUS_UNKNOWN);
}

TEST_F(StatusTest, ADiskThatFailsLeavesTheListBefore) {
  const auto issued = issue("press-01").value();
  lists->start();
  const auto first = list().value();
  fs.fail_from = fs.changes;
  revoke(issued.info.fingerprint);
  EXPECT_EQ(list().value()->number, first->number) << "what is not durable is not published";
  EXPECT_EQ(metrics.value("dunlin_pki_crl_failures_total"), 1);
  fs.fail_from = -1;
  scheduler.run_for(minutes{2});
  EXPECT_EQ(list().value()->revoked, 1U);
}

TEST_F(StatusTest, RecordsOfFormerVersionsAreCompletedOnce) {
  const auto issued = issue("press-01").value();
  auto& document = *repository.at(store::DocumentKind::certificate, issued.info.fingerprint);
  auto record = certificate_of(document).value();
  record.issuer.clear();
  const std::uint64_t version = document.version;
  document = document_of(record);
  document.version = version;
  std::erase_if(document.index, [](const auto& field) { return field.first == "serial"; });
  EXPECT_EQ(verdict(ask(about(issued.certificate_pem)).der).status, V_OCSP_CERTSTATUS_UNKNOWN);
  ASSERT_TRUE(wait<void>([&](auto done) { certificates->load(executor, std::move(done)); }));
  scheduler.run_for(hours{1});
  EXPECT_EQ(verdict(ask(about(issued.certificate_pem)).der).status, V_OCSP_CERTSTATUS_GOOD);
  const int writes = repository.writes;
  ASSERT_TRUE(wait<void>([&](auto done) { certificates->load(executor, std::move(done)); }));
  EXPECT_EQ(repository.writes, writes);
}

TEST_F(StatusTest, OcspSaysGoodRevokedAndUnknown) {
  const auto issued = issue("press-01").value();
  EXPECT_EQ(verdict(ask(about(issued.certificate_pem)).der).status, V_OCSP_CERTSTATUS_GOOD);
  revoke(issued.info.fingerprint, RevocationReason::superseded);
  const auto after = verdict(ask(about(issued.certificate_pem)).der);
  EXPECT_EQ(after.status, V_OCSP_CERTSTATUS_REVOKED);
  EXPECT_EQ(after.reason, OCSP_REVOKED_STATUS_SUPERSEDED);
  const auto unrecorded = pki->issue_device_certificate({.thing_name = "x", .csr_pem = {}}).value();
  EXPECT_EQ(verdict(ask(about(unrecorded.certificate_pem)).der).status, V_OCSP_CERTSTATUS_UNKNOWN);
  const std::string server = pki->server_identity().certificate_chain_pem;
  EXPECT_EQ(verdict(ask(about(server)).der).status, V_OCSP_CERTSTATUS_GOOD);
  for (const EVP_MD* digest : {EVP_sha256(), EVP_sha384(), EVP_sha512()})
    EXPECT_EQ(verdict(ask(about(server, digest)).der).status, V_OCSP_CERTSTATUS_GOOD);
}

TEST_F(StatusTest, OcspRefusesInTheProtocolsTerms) {
  MemoryFs other_fs;
  const auto other = Pki::open(other_fs, clock, rng, "data", {}).value();
  const auto foreign = other->issue_device_certificate({.thing_name = "x", .csr_pem = {}}).value();
  Question stranger;
  stranger.ask(foreign.certificate_pem, other->issuing_pem());
  EXPECT_EQ(verdict(ask(stranger.der()).der).response, OCSP_RESPONSE_STATUS_UNAUTHORIZED);
  const auto issued = issue("press-01").value();
  EXPECT_EQ(verdict(ask(about(issued.certificate_pem, EVP_md5())).der).response,
            OCSP_RESPONSE_STATUS_UNAUTHORIZED);
  const std::string good = about(issued.certificate_pem);
  for (const std::string& bad : {std::string(), std::string("rubbish"), good + "x", good.substr(0, 40),
                                 std::string(kMaxOcspRequestBytes + 1, '0')})
    EXPECT_EQ(verdict(ask(bad).der).response, OCSP_RESPONSE_STATUS_MALFORMEDREQUEST);
  Question many;
  for (std::size_t i = 0; i <= kMaxOcspIds; ++i) many.ask(issued.certificate_pem, pki->issuing_pem());
  EXPECT_EQ(verdict(ask(many.der()).der).response, OCSP_RESPONSE_STATUS_MALFORMEDREQUEST);
  Question mixed;
  mixed.ask(foreign.certificate_pem, other->issuing_pem());
  mixed.ask(issued.certificate_pem, pki->issuing_pem());
  EXPECT_EQ(verdict(ask(mixed.der()).der).response, OCSP_RESPONSE_STATUS_UNAUTHORIZED);
}

TEST_F(StatusTest, ANonceComesBackAndIsNotKept) {
  const auto issued = issue("press-01").value();
  for (const std::size_t length : {1, 16, 32, 128}) {
    Question question;
    question.ask(issued.certificate_pem, pki->issuing_pem());
    question.nonce(std::string(length, 'n'));
    const auto answer = ask(question.der());
    EXPECT_EQ(answer.fresh_for, Duration{0});
    const Response response = parse(answer.der);
    const Basic basic(OCSP_response_get1_basic(response.get()));
    EXPECT_EQ(OCSP_check_nonce(question.request.get(), basic.get()), 1) << length;
  }
  Question question;
  question.ask(issued.certificate_pem, pki->issuing_pem());
  question.nonce(std::string(kMaxOcspNonceBytes + 1, 'n'));
  EXPECT_EQ(verdict(ask(question.der()).der).response, OCSP_RESPONSE_STATUS_MALFORMEDREQUEST);
}

TEST_F(StatusTest, AnswersWithoutANonceAreKeptUntilSomethingIsRevoked) {
  const auto one = issue("press-01").value();
  const auto two = issue("press-02").value();
  const auto first = ask(about(one.certificate_pem));
  EXPECT_EQ(first.fresh_for, kOcspLifetime / 2);
  scheduler.run_for(minutes{10});
  const auto kept = ask(about(one.certificate_pem));
  EXPECT_EQ(kept.der, first.der);
  EXPECT_EQ(kept.fresh_for, kOcspLifetime / 2 - minutes{10});
  revoke(two.info.fingerprint);
  EXPECT_NE(ask(about(one.certificate_pem)).der, first.der);
  scheduler.run_for(hours{1});
  EXPECT_EQ(metrics.value("dunlin_pki_ocsp_requests_total", {{"outcome", "cached"}}), 1);
  EXPECT_EQ(metrics.value("dunlin_pki_ocsp_requests_total", {{"outcome", "answered"}}), 2);
}

TEST_F(StatusTest, AFloodOfRequestsIsToldToComeBackLater) {
  const auto issued = issue("press-01").value();
  std::map<int, int> seen;
  for (std::size_t i = 0; i < kMaxOcspInWork + 10; ++i) {
    Question question;
    question.ask(issued.certificate_pem, pki->issuing_pem());
    question.nonce(std::to_string(i));
    ocsp.answer(as_bytes(question.der()),
                [this, &seen](OcspResponder::Answer answer) { ++seen[verdict(answer.der).response]; });
  }
  EXPECT_EQ(seen[OCSP_RESPONSE_STATUS_TRYLATER], 10);
  scheduler.run_ready();
  EXPECT_EQ(seen[OCSP_RESPONSE_STATUS_SUCCESSFUL], static_cast<int>(kMaxOcspInWork));
  EXPECT_EQ(verdict(ask(about(issued.certificate_pem)).der).response, OCSP_RESPONSE_STATUS_SUCCESSFUL);
}

TEST_F(StatusTest, WhatWasRenewedIsRevokedOnceItsOverlapIsOver) {
  const auto issued = issue("press-01").value();
  const auto* stored = repository.at(store::DocumentKind::certificate, issued.info.fingerprint);
  CertificateRecord record = certificate_of(*stored).value();
  record.retires_at = unix_milliseconds(clock.wall_now() + minutes{20});
  ASSERT_TRUE(wait<std::vector<std::uint64_t>>([&](auto done) {
    repository.write(executor,
                     {put_change(store::DocumentKind::certificate, kDefaultTenant, document_of(record), 1)},
                     std::move(done));
  }));
  CertificateRetirement retirement{{executor, repository, revocations, clock}};
  retirement.start();
  lists->start();
  const auto early = ask(about(issued.certificate_pem));
  EXPECT_EQ(verdict(early.der, minutes{20}).status, V_OCSP_CERTSTATUS_GOOD)
      << "and it says so until then only";
  EXPECT_EQ(early.fresh_for, minutes{10});
  EXPECT_EQ(list().value()->revoked, 0U);
  clock.advance_to(clock.now() + minutes{20});
  const auto late = verdict(ask(about(issued.certificate_pem)).der);
  EXPECT_EQ(late.status, V_OCSP_CERTSTATUS_REVOKED) << "before it is written down";
  EXPECT_EQ(late.reason, OCSP_REVOKED_STATUS_SUPERSEDED);
  EXPECT_FALSE(revocations.is_revoked(issued.info.fingerprint));
  scheduler.run_for(minutes{2});
  EXPECT_TRUE(revocations.is_revoked(issued.info.fingerprint));
  EXPECT_EQ(list().value()->revoked, 1U);
  const CertificateRecord gone =
      certificate_of(*repository.at(store::DocumentKind::certificate, issued.info.fingerprint)).value();
  EXPECT_EQ(gone.state, CertificateRecord::State::revoked);
  EXPECT_EQ(gone.reason, "superseded");
  EXPECT_EQ(gone.revoked_at, record.retires_at);
  EXPECT_EQ(verdict(ask(about(issued.certificate_pem)).der).reason, OCSP_REVOKED_STATUS_SUPERSEDED);
}

TEST_F(StatusTest, WhatRetiredWhileTheServerWasDownIsFoundAtTheStart) {
  std::vector<std::string> all;
  for (int i = 0; i < 3; ++i) {
    const auto issued = issue("press-01").value();
    CertificateRecord record =
        certificate_of(*repository.at(store::DocumentKind::certificate, issued.info.fingerprint)).value();
    record.retires_at = unix_milliseconds(clock.wall_now() + hours{i + 1});
    ASSERT_TRUE(wait<std::vector<std::uint64_t>>([&](auto done) {
      repository.write(executor,
                       {put_change(store::DocumentKind::certificate, kDefaultTenant, document_of(record), 1)},
                       std::move(done));
    }));
    all.push_back(issued.info.fingerprint);
  }
  clock.advance_to(clock.now() + hours{2});
  CertificateRetirement retirement{{executor, repository, revocations, clock}};
  retirement.start();
  scheduler.run_ready();
  EXPECT_TRUE(revocations.is_revoked(all[0]));
  EXPECT_TRUE(revocations.is_revoked(all[1]));
  EXPECT_FALSE(revocations.is_revoked(all[2]));
  scheduler.run_for(hours{1} + minutes{2});
  EXPECT_TRUE(revocations.is_revoked(all[2]));
}

TEST_F(StatusTest, TheServersEarlierCertificatesStayKnown) {
  const std::string old_issuer = issuer();
  ASSERT_TRUE(wait<void>([&](auto done) { certificates->note_server(executor, std::move(done)); }));
  ASSERT_TRUE(wait<void>([&](auto done) { certificates->note_server(executor, std::move(done)); })) << "once";
  const ServerIdentity first = pki->server_identity();
  const std::string question = about(first.certificate_chain_pem);
  const auto present = wait<CertificateRecord>([&](auto done) {
    certificates->revoke(executor, "ann", first.info.fingerprint, RevocationReason::key_compromise,
                         std::move(done));
  });
  EXPECT_EQ(present.error().code, Errc::conflict) << "the server shows it";
  ASSERT_TRUE(pki->rotate());
  EXPECT_EQ(pki->renew_server_certificate_if_due().value(), Renewal::renewed);
  ASSERT_TRUE(wait<void>([&](auto done) { certificates->note_server(executor, std::move(done)); }));
  EXPECT_EQ(verdict(ask(question).der).status, V_OCSP_CERTSTATUS_GOOD);
  EXPECT_EQ(wait<std::size_t>([&](auto done) {
              certificates->usable_of(executor, old_issuer, std::move(done));
            }).value(),
            0U)
      << "it is in nobody's way";
  revoke(first.info.fingerprint, RevocationReason::key_compromise);
  const auto later = verdict(ask(question).der);
  EXPECT_EQ(later.status, V_OCSP_CERTSTATUS_REVOKED);
  EXPECT_EQ(later.reason, OCSP_REVOKED_STATUS_KEYCOMPROMISE);
}

}  // namespace
}  // namespace dunlin::security
