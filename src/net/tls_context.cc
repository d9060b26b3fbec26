#include "net/tls_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "keys/evp_key.h"
#include "net/limits.h"
#include "net/tls_state.h"

namespace dunlin::net {

void SslDeleter::operator()(ssl_ctx_st* context) const {
  SSL_CTX_free(context);
}
void SslDeleter::operator()(ssl_session_st* session) const {
  SSL_SESSION_free(session);
}

namespace {

struct Deleter {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
};
using BioPointer = std::unique_ptr<BIO, Deleter>;
using CertificatePointer = std::unique_ptr<X509, Deleter>;

// TLS 1.2: authenticated encryption and forward secrecy only. TLS 1.3 has nothing else.
constexpr const char* kCiphers12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    "ECDHE-ECDSA-AES128-CCM";
// The same preference: what every client must know (RFC 8446, 9.1) comes first. It costs the least time, and
// its hash the least memory for as long as a connection lives.
constexpr const char* kCiphers13 =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

Result<BioPointer> open_pem(const std::string& pem, const char* what) {
  if (pem.size() > kMaxPemBytes) return fail(Errc::limit_exceeded, std::string(what) + " is too long");
  return BioPointer{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))};
}

// A key under a password is refused instead of asking on the terminal.
int no_password(char*, int, int, void*) {
  return 0;
}

Result<std::vector<CertificatePointer>> read_certificates(const std::string& pem, const char* what) {
  DUNLIN_TRY(const BioPointer bio, open_pem(pem, what));
  std::vector<CertificatePointer> certificates;
  while (CertificatePointer certificate{PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr)})
    certificates.push_back(std::move(certificate));
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (certificates.empty() || !at_end) return fail(Errc::malformed, std::string(what) + " is not valid PEM");
  return certificates;
}

void set_common(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context,
                      SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_cipher_list(context, kCiphers12);
  SSL_CTX_set_ciphersuites(context, kCiphers13);
}

TlsServerContextImpl& server_of(SSL_CTX* context) {
  return *static_cast<TlsServerContextImpl*>(SSL_CTX_get_app_data(context));
}

int keep_server_session(SSL* ssl, SSL_SESSION* session) {
  unsigned length = 0;
  const unsigned char* id = SSL_SESSION_get_id(session, &length);
  SSL_SESSION_up_ref(session);
  const auto& state = *static_cast<const TlsState*>(SSL_get_app_data(ssl));
  server_of(SSL_get_SSL_CTX(ssl)).sessions.put({id, length}, SslSessionPointer{session}, state.resumed);
  return 0;  // the reference that came along stays OpenSSL's
}

SSL_SESSION* find_server_session(SSL* ssl, const unsigned char* id, int length, int* copy) {
  *copy = 0;  // OpenSSL takes what is returned
  auto kept = server_of(SSL_get_SSL_CTX(ssl)).sessions.get({id, static_cast<std::size_t>(length)});
  if (kept.session.empty()) return nullptr;
  const unsigned char* in = kept.session.data();
  SSL_SESSION* session = d2i_SSL_SESSION(nullptr, &in, static_cast<long>(kept.session.size()));
  static_cast<TlsState*>(SSL_get_app_data(ssl))->resumed = std::move(kept.certificate);
  return session;
}

int choose_protocol(SSL* ssl, const unsigned char** out, unsigned char* out_length,
                    const unsigned char* offered, unsigned offered_length, void* argument) {
  const auto& server = *static_cast<const TlsServerContextImpl*>(argument);
  const auto& ours = server.protocols;
  unsigned char* chosen = nullptr;
  const int status = SSL_select_next_proto(&chosen, out_length, ours.data(),
                                           static_cast<unsigned>(ours.size()), offered, offered_length);
  *out = chosen;
  // RFC 7301, 3.2: a client whose protocols are all unknown is refused.
  if (status != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  // OpenSSL settles the protocol before it decides whether to send a CertificateRequest.
  const std::string_view name(reinterpret_cast<const char*>(chosen), *out_length);
  const auto& unasked = server.no_client_certificate_for;
  if (std::find(unasked.begin(), unasked.end(), name) != unasked.end())
    SSL_set_verify(ssl, SSL_VERIFY_NONE, nullptr);
  return SSL_TLSEXT_ERR_OK;
}

int keep_client_session(SSL* ssl, SSL_SESSION* session) {
  const auto* client = static_cast<const TlsClientPart*>(SSL_get_app_data(ssl));
  client->context->put_session(client->session_key, SslSessionPointer{session});
  return 1;  // ours now
}

Result<void> ask_for_certificates(SSL_CTX* context, const TlsServerOptions& options) {
  if (options.client_certificate == ClientCertificate::none) return {};
  if (options.client_ca_pem.empty())
    return fail(Errc::invalid_argument, "client certificates are asked for, but no authority is trusted");
  DUNLIN_CHECK(trust_tls_anchors(context, options.client_ca_pem));
  DUNLIN_TRY(const auto anchors,
             read_certificates(options.client_ca_pem, "the list of trusted certificates"));
  for (const auto& anchor : anchors) SSL_CTX_add_client_CA(context, anchor.get());
  const bool required = options.client_certificate == ClientCertificate::required;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  return {};
}

}  // namespace

Result<void> use_tls_identity(SSL_CTX* context, const std::string& chain_pem, const std::string& key_pem) {
  DUNLIN_TRY(const auto chain, read_certificates(chain_pem, "the certificate chain"));
  DUNLIN_TRY(const keys::EvpKey key, keys::load_private_key(key_pem));
  if (SSL_CTX_use_certificate(context, chain.front().get()) != 1)
    return fail(Errc::invalid_argument,
                "the certificate is not acceptable: its key or signature is too weak");
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    ERR_clear_error();
    return fail(Errc::invalid_argument, "the private key does not belong to the certificate");
  }
  for (std::size_t i = 1; i < chain.size(); ++i) SSL_CTX_add1_chain_cert(context, chain[i].get());
  return {};
}

Result<void> trust_tls_anchors(SSL_CTX* context, const std::string& pem) {
  DUNLIN_TRY(const auto anchors, read_certificates(pem, "the list of trusted certificates"));
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  for (const auto& anchor : anchors) X509_STORE_add_cert(store, anchor.get());
  // An anchor may be an intermediate: whoever configures it means just that one.
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
  SSL_CTX_set_verify_depth(context, kMaxCertificateDepth);
  return {};
}

std::vector<std::uint8_t> encode_protocols(const std::vector<std::string>& names) {
  std::vector<std::uint8_t> wire;
  for (const std::string& name : names) {
    if (name.empty() || name.size() > 255) continue;
    wire.push_back(static_cast<std::uint8_t>(name.size()));
    wire.insert(wire.end(), name.begin(), name.end());
  }
  return wire;
}

Result<std::shared_ptr<TlsServerContext>> make_tls_server_context(const TlsServerOptions& options) {
  auto made = std::make_shared<TlsServerContextImpl>();
  made->context.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* context = made->context.get();
  if (context == nullptr) return fail(Errc::internal, "OpenSSL cannot make a context");
  made->clock = options.clock;
  set_common(context);
  DUNLIN_CHECK(use_tls_identity(context, options.certificate_chain_pem, options.private_key_pem));
  DUNLIN_CHECK(ask_for_certificates(context, options));
  SSL_CTX_set_app_data(context, made.get());
  // Stateful resumption: a ticket is only a name, so no client certificate travels in it and no ticket key
  // can leak.
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context, 1);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_set_timeout(context, std::chrono::duration_cast<std::chrono::seconds>(kTlsSessionLifetime).count());
  constexpr std::string_view kSessionContext = "dunlin";
  SSL_CTX_set_session_id_context(context, as_bytes(kSessionContext).data(), kSessionContext.size());
  SSL_CTX_sess_set_new_cb(context, keep_server_session);
  SSL_CTX_sess_set_get_cb(context, find_server_session);
  made->no_client_certificate_for = options.no_client_certificate_for;
  made->protocols = encode_protocols(options.application_protocols);
  if (!made->protocols.empty()) SSL_CTX_set_alpn_select_cb(context, choose_protocol, made.get());
  return std::shared_ptr<TlsServerContext>(std::move(made));
}

Result<std::shared_ptr<TlsClientContext>> make_tls_client_context(const TlsClientOptions& options) {
  auto made = std::make_shared<TlsClientContextImpl>();
  made->context.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* context = made->context.get();
  if (context == nullptr) return fail(Errc::internal, "OpenSSL cannot make a context");
  made->clock = options.clock;
  set_common(context);
  if (!options.certificate_chain_pem.empty())
    DUNLIN_CHECK(use_tls_identity(context, options.certificate_chain_pem, options.private_key_pem));
  if (options.trusted_ca_pem.empty()) {
    SSL_CTX_set_default_verify_paths(context);
  } else {
    DUNLIN_CHECK(trust_tls_anchors(context, options.trusted_ca_pem));
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, keep_client_session);
  return std::shared_ptr<TlsClientContext>(std::move(made));
}

}  // namespace dunlin::net
