#include "net/crl.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "net/crl_internal.h"
#include "net/tls_state.h"
#include "net/x509_read.h"

namespace dunlin::net {
namespace {

constexpr std::string_view kBegin = "-----BEGIN";

struct BioDeleter {
  void operator()(BIO* bio) const { BIO_free(bio); }
};

std::string name_of(const X509_NAME* name) {
  const std::unique_ptr<BIO, BioDeleter> out{BIO_new(BIO_s_mem())};
  X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

Result<WallTime> update_of(const ASN1_TIME* time) {
  if (const auto read = time_of(time)) return *read;
  return fail(Errc::malformed, "a revocation list has no valid time");
}

}  // namespace

Result<std::vector<CrlPointer>> parse_crls(std::string_view bytes) {
  if (bytes.size() > kMaxCrlBytes) return fail(Errc::limit_exceeded, "a revocation list is too long");
  std::vector<CrlPointer> crls;
  if (!bytes.contains(kBegin)) {
    const auto* in = reinterpret_cast<const unsigned char*>(bytes.data());
    const auto* const end = in + bytes.size();
    crls.emplace_back(d2i_X509_CRL(nullptr, &in, static_cast<long>(bytes.size())));
    ERR_clear_error();
    if (crls.back() == nullptr || in != end) return fail(Errc::malformed, "this is no revocation list");
    return crls;
  }
  const std::unique_ptr<BIO, BioDeleter> bio{BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size()))};
  while (CrlPointer crl{PEM_read_bio_X509_CRL(bio.get(), nullptr, nullptr, nullptr)})
    crls.push_back(std::move(crl));
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  // A file that was cut in the beginning of a list must not pass for one without that list.
  std::size_t begun = 0;
  for (std::size_t at = bytes.find(kBegin); at != std::string_view::npos; at = bytes.find(kBegin, at + 1))
    ++begun;
  if (crls.empty() || !at_end || begun != crls.size())
    return fail(Errc::malformed, "this is no revocation list");
  return crls;
}

Result<std::vector<CrlInfo>> read_crls(std::string_view bytes) {
  DUNLIN_TRY(const auto crls, parse_crls(bytes));
  std::vector<CrlInfo> infos;
  for (const CrlPointer& crl : crls) {
    CrlInfo info;
    info.issuer = name_of(X509_CRL_get_issuer(crl.get()));
    DUNLIN_TRY(info.this_update, update_of(X509_CRL_get0_lastUpdate(crl.get())));
    info.next_update = WallTime::max();
    if (const ASN1_TIME* next = X509_CRL_get0_nextUpdate(crl.get())) {
      DUNLIN_TRY(info.next_update, update_of(next));
    }
    const auto* revoked = X509_CRL_get_REVOKED(crl.get());
    info.revoked = revoked == nullptr ? 0 : static_cast<std::size_t>(sk_X509_REVOKED_num(revoked));
    infos.push_back(std::move(info));
  }
  return infos;
}

namespace {

int judge_revocation(int verdict, X509_STORE_CTX* context) {
  if (verdict == 1) return 1;
  const int error = X509_STORE_CTX_get_error(context);
  const bool is_old = error == X509_V_ERR_CRL_HAS_EXPIRED || error == X509_V_ERR_CRL_NOT_YET_VALID;
  const auto* ssl =
      static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx()));
  const auto& server = *static_cast<const TlsServerContextImpl*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  const bool passes =
      error == X509_V_ERR_UNABLE_TO_GET_CRL || (is_old && server.stale_crl == StaleCrl::accept);
  if (!passes) return 0;
  X509_STORE_CTX_set_error(context, X509_V_OK);
  return 1;
}

constexpr int kMinPinnedKeyBits = 112;  // of security, as chains must have

bool is_pinned(const TlsServerContextImpl& server, const X509* leaf) {
  if (!server.pinned || leaf == nullptr) return false;
  const EVP_PKEY* key = X509_get0_pubkey(leaf);
  if (key == nullptr || EVP_PKEY_get_security_bits(key) < kMinPinnedKeyBits) return false;
  const auto der = der_of(*leaf);
  return !der.empty() && server.pinned(der);
}

/// With UnverifiedClient::as_without the handshake goes on whatever the verdict is; OpenSSL keeps it with the
/// session, and complete_tls_state() gives no certificate with another one than X509_V_OK.
int verify_client(X509_STORE_CTX* context, void* argument) {
  const auto& server = *static_cast<const TlsServerContextImpl*>(argument);
  if (is_pinned(server, X509_STORE_CTX_get0_cert(context))) {
    X509_STORE_CTX_set_error(context, X509_V_OK);
    return 1;
  }
  const int verdict = X509_verify_cert(context);
  if (server.unverified == UnverifiedClient::refused) return verdict;
  if (verdict != 1 && X509_STORE_CTX_get_error(context) == X509_V_OK)
    X509_STORE_CTX_set_error(context, X509_V_ERR_UNSPECIFIED);
  ERR_clear_error();
  return 1;
}

}  // namespace

Result<std::shared_ptr<TlsServerContext>> make_tls_server_context(const TlsServerOptions& options,
                                                                  const ClientRevocation& revocation,
                                                                  UnverifiedClient unverified) {
  DUNLIN_TRY(auto made, make_tls_server_context(options));
  auto& server = static_cast<TlsServerContextImpl&>(*made);
  SSL_CTX* context = server.context.get();
  server.unverified = unverified;
  server.pinned = options.pinned;
  SSL_CTX_set_cert_verify_callback(context, verify_client, &server);
  if (revocation.lists.empty() || options.client_certificate == ClientCertificate::none) return made;
  server.stale_crl = revocation.stale;
  for (const std::string& bytes : revocation.lists) {
    DUNLIN_TRY(const auto crls, parse_crls(bytes));
    for (const CrlPointer& crl : crls) X509_STORE_add_crl(SSL_CTX_get_cert_store(context), crl.get());
  }
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  SSL_CTX_set_verify(context, SSL_CTX_get_verify_mode(context), judge_revocation);
  return made;
}

}  // namespace dunlin::net
