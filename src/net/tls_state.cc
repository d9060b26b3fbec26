#include "net/tls_state.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <utility>

#include "base/core/assert.h"
#include "net/limits.h"
#include "net/socket_address.h"
#include "net/tls_sessions.h"
#include "net/x509_read.h"

namespace dunlin::net {

void SslDeleter::operator()(ssl_st* ssl) const {
  SSL_free(ssl);
}

void TlsClientContextImpl::put_session(const std::string& server, SslSessionPointer session) {
  const std::scoped_lock lock(mutex_);
  if (sessions_.size() >= kMaxTlsClientSessions && !sessions_.contains(server))
    sessions_.erase(sessions_.begin());
  sessions_[server] = std::move(session);
}

void TlsClientContextImpl::forget_sessions() {
  const std::scoped_lock lock(mutex_);
  sessions_.clear();
}

void forget_tls_sessions(TlsClientContext& context) {
  static_cast<TlsClientContextImpl&>(context).forget_sessions();
}

SslSessionPointer TlsClientContextImpl::take_session(const std::string& server) {
  const std::scoped_lock lock(mutex_);
  const auto found = sessions_.find(server);
  if (found == sessions_.end()) return nullptr;
  SslSessionPointer session = std::move(found->second);
  sessions_.erase(found);
  return session;
}

TlsState::~TlsState() {
  const SSL_SESSION* session = ssl == nullptr ? nullptr : SSL_get_session(ssl.get());
  if (server != nullptr && session != nullptr) server->sessions.let_go(*session);
  // OpenSSL spoils the session of a client whose connection just broke, which no version from TLS 1.1 on asks
  // for (RFC 4346, 7.2.1): a fleet would come back from an outage with full handshakes only.
  if (client == nullptr || ssl == nullptr) return;
  SSL_set_shutdown(ssl.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  // Turned away before the server said a word: the session has not been used (RFC 8446, C.4).
  const bool unanswered =
      SSL_get_state(ssl.get()) == TLS_ST_BEFORE || SSL_get_state(ssl.get()) == TLS_ST_CW_CLNT_HELLO;
  if (client->offered != nullptr && unanswered)
    client->context->put_session(client->session_key, std::move(client->offered));
}

namespace {

// For whom the thread's BIO works.
thread_local TlsState* bio_state = nullptr;

// The BIO reads from the cipher text at hand and writes into the inner connection's queue, which takes
// everything.
int bio_write(BIO* bio, const char* data, int size) {
  const TlsState* state = bio_state;
  BIO_clear_retry_flags(bio);
  if (state == nullptr || state->inner == nullptr || size <= 0) return -1;
  state->inner->write(std::string_view{data, static_cast<std::size_t>(size)});
  return size;
}

int bio_read(BIO* bio, char* out, int size) {
  TlsState* state = bio_state;
  BIO_clear_retry_flags(bio);
  if (state == nullptr || state->input.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const std::size_t part = std::min(state->input.size(), static_cast<std::size_t>(size));
  std::memcpy(out, state->input.data(), part);
  state->input = state->input.subspan(part);
  return static_cast<int>(part);
}

long bio_control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

int bio_create(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

const BIO_METHOD* bio_method() {
  // Lives until the process ends.
  static BIO_METHOD* const kMethod = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "dunlin connection");
    BIO_meth_set_write(made, bio_write);
    BIO_meth_set_read(made, bio_read);
    BIO_meth_set_ctrl(made, bio_control);
    BIO_meth_set_create(made, bio_create);
    return made;
  }();
  return kMethod;
}

struct BioDeleter {
  void operator()(BIO* bio) const { BIO_free(bio); }
};

/// Null if OpenSSL is out of memory. A BIO for each stream would take 200 bytes and know nothing that the
/// stream does not.
BIO* thread_bio() {
  thread_local const std::unique_ptr<BIO, BioDeleter> bio(BIO_new(bio_method()));
  return bio.get();
}

std::unique_ptr<TlsState> make_state(SSL_CTX* context, const Clock* clock) {
  auto state = std::make_unique<TlsState>();
  state->ssl.reset(SSL_new(context));
  if (state->ssl == nullptr || thread_bio() == nullptr) return nullptr;
  use_thread_bio(*state);
  if (clock != nullptr) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(clock->wall_now().time_since_epoch());
    X509_VERIFY_PARAM_set_time(SSL_get0_param(state->ssl.get()), seconds.count());
  }
  return state;
}

/// Empties a key that OpenSSL will neither use again nor let go of before the connection ends.
void empty_key(EVP_PKEY* key) {
  if (key != nullptr) EVP_PKEY_set_type(key, EVP_PKEY_get_id(key));
}

/// No certificate is verified when a session is resumed, and meanwhile its time may have come.
bool resumed_too_late(const TlsState& state) {
  SSL* ssl = state.ssl.get();
  if (SSL_session_reused(ssl) != 1) return false;
  const SystemClock system;
  const Clock* clock = state.server != nullptr ? state.server->clock : state.client->context->clock;
  const WallTime now = (clock != nullptr ? *clock : system).wall_now();
  if (!state.resumed.der.empty()) return state.resumed.not_after <= now;
  const X509* certificate = SSL_get0_peer_certificate(ssl);
  return certificate != nullptr && time_of(X509_get0_notAfter(certificate)).value_or(WallTime{}) <= now;
}

std::vector<std::uint8_t> certificate_der_of(TlsState& state) {
  if (SSL_session_reused(state.ssl.get()) == 1 && !state.resumed.der.empty())
    return std::move(state.resumed.der);
  const X509* certificate = SSL_get0_peer_certificate(state.ssl.get());
  return certificate == nullptr ? std::vector<std::uint8_t>{} : der_of(*certificate);
}

}  // namespace

TlsBioScope::TlsBioScope(TlsState& state) : outer_(std::exchange(bio_state, &state)) {}

TlsBioScope::~TlsBioScope() {
  bio_state = outer_;
}

void use_thread_bio(TlsState& state) {
  BIO* bio = thread_bio();
  if (bio == nullptr || SSL_get_rbio(state.ssl.get()) == bio) return;
  BIO_up_ref(bio);
  SSL_set_bio(state.ssl.get(), bio, bio);  // takes one reference for both
}

std::unique_ptr<TlsState> make_tls_state(std::shared_ptr<TlsServerContext> context) {
  auto server = std::static_pointer_cast<TlsServerContextImpl>(std::move(context));
  auto state = make_state(server->context.get(), server->clock);
  if (state == nullptr) return nullptr;
  state->server = std::move(server);
  SSL_set_app_data(state->ssl.get(), state.get());
  SSL_set_accept_state(state->ssl.get());
  return state;
}

std::unique_ptr<TlsState> make_tls_state(const ConnectOptions& options) {
  auto client = std::static_pointer_cast<TlsClientContextImpl>(options.tls);
  auto state = make_state(client->context.get(), client->clock);
  if (state == nullptr) return nullptr;
  SSL* ssl = state->ssl.get();
  // Without a name of its own the server must prove the address that was dialled.
  const std::string& name = options.server_name.empty() ? options.endpoint.host : options.server_name;
  if (parse_address({name, 0})) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str());
  } else {
    SSL_set_tlsext_host_name(ssl, name.c_str());
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    SSL_set1_host(ssl, name.c_str());
  }
  const auto protocols = encode_protocols(options.application_protocols);
  if (!protocols.empty()) SSL_set_alpn_protos(ssl, protocols.data(), static_cast<unsigned>(protocols.size()));
  state->client = std::make_unique<TlsClientPart>(
      client, name + "|" + options.endpoint.to_string() + "|" + std::string(as_text(protocols)));
  state->client->offered = client->take_session(state->client->session_key);
  if (state->client->offered != nullptr) SSL_set_session(ssl, state->client->offered.get());
  SSL_set_app_data(ssl, state->client.get());
  SSL_set_connect_state(ssl);
  return state;
}

std::string describe_tls_failure(const TlsState& state) {
  const long verified = SSL_get_verify_result(state.ssl.get());
  const unsigned long code = ERR_peek_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  std::string text = reason == nullptr ? "TLS failed" : reason;
  if (verified != X509_V_OK) text += std::string(": ") + X509_verify_cert_error_string(verified);
  ERR_clear_error();
  return text;
}

RefusalKind tls_failure_kind(const TlsState& state) {
  const SSL* ssl = state.ssl.get();
  switch (SSL_get_verify_result(ssl)) {
    case X509_V_OK: {
      return resumed_too_late(state) ? RefusalKind::certificate_expired : RefusalKind::tls_failed;
    }
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return RefusalKind::certificate_expired;
    case X509_V_ERR_CERT_REVOKED:
      return RefusalKind::certificate_revoked;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_CERT_UNTRUSTED:
      return RefusalKind::certificate_authority;
    default:
      return RefusalKind::certificate_invalid;
  }
}

const PeerInfo& describe_tls_peer(TlsState& state) {
  if (state.peer != nullptr) return *state.peer;
  state.peer = std::make_unique<PeerInfo>();
  PeerInfo& peer = *state.peer;
  if (state.inner != nullptr) peer.address = state.inner->peer().address;
  const SSL* ssl = state.ssl.get();
  if (ssl == nullptr || SSL_is_init_finished(ssl) != 1) return peer;
  peer.transport = "tls";
  peer.tls_version = SSL_get_version(ssl);
  const unsigned char* protocol = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(ssl, &protocol, &length);
  if (length > 0) peer.application_protocol.assign(reinterpret_cast<const char*>(protocol), length);
  return peer;
}

Result<void> complete_tls_state(TlsState& state) {
  SSL* ssl = state.ssl.get();
  state.peer.reset();  // what was asked for before is not all
  describe_tls_peer(state);
  if (state.client != nullptr) state.client->offered.reset();  // it has been used
  // UnverifiedClient::as_without let it pass; the verdict is kept with the session, also when that is
  // resumed.
  if (SSL_get_verify_result(ssl) != X509_V_OK) return {};
  if (resumed_too_late(state)) return fail(Errc::unauthenticated, "certificate has expired");
  state.peer->certificate_der = certificate_der_of(state);
  return {};
}

void forget_tls_handshake(TlsState& state) {
  // A client still has to receive tickets, which it keeps together with the server's chain.
  if (state.server == nullptr) return;
  state.resumed = {};
  SSL* ssl = state.ssl.get();
  // The list holds what came beside the leaf. No other connection has this session object.
  STACK_OF(X509)* chain = SSL_get_peer_cert_chain(ssl);
  while (X509* certificate = chain == nullptr ? nullptr : sk_X509_pop(chain)) X509_free(certificate);
  // Nobody asks what the client has offered.
  if (STACK_OF(SSL_CIPHER)* offered = SSL_get_client_ciphers(ssl)) {
    sk_SSL_CIPHER_zero(offered);
    sk_SSL_CIPHER_reserve(offered, 0);
  }
  // The key exchange is over, and so is the proof of the client's key: renegotiation is off.
  EVP_PKEY* exchanged = nullptr;
  for (const int which : {SSL_CTRL_GET_TMP_KEY, SSL_CTRL_GET_PEER_TMP_KEY}) {
    if (SSL_ctrl(ssl, which, 0, static_cast<void*>(&exchanged)) != 1) continue;
    empty_key(exchanged);
    EVP_PKEY_free(exchanged);
  }
  if (const X509* leaf = SSL_get0_peer_certificate(ssl)) empty_key(X509_get0_pubkey(leaf));
  ERR_clear_error();
}

}  // namespace dunlin::net
