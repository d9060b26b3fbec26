#include "net/tls_state.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstring>
#include <ctime>

#include "base/core/assert.h"
#include "net/limits.h"
#include "net/socket_address.h"

namespace dunlin::net {

void SslDeleter::operator()(ssl_st* ssl) const {
  SSL_free(ssl);
}

void TlsSessionStore::put(std::string id, std::vector<std::uint8_t> session) {
  const std::scoped_lock lock(mutex_);
  if (sessions_.insert_or_assign(id, std::move(session)).second) by_age_.push_back(std::move(id));
  if (by_age_.size() <= kMaxTlsSessions) return;
  sessions_.erase(by_age_.front());
  by_age_.pop_front();
}

std::vector<std::uint8_t> TlsSessionStore::get(const std::string& id) const {
  const std::scoped_lock lock(mutex_);
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? std::vector<std::uint8_t>{} : found->second;
}

std::size_t TlsSessionStore::size() const {
  const std::scoped_lock lock(mutex_);
  return sessions_.size();
}

void TlsClientContextImpl::put_session(const std::string& server, SslSessionPointer session) {
  const std::scoped_lock lock(mutex_);
  if (sessions_.size() >= kMaxTlsClientSessions && !sessions_.contains(server))
    sessions_.erase(sessions_.begin());
  sessions_[server] = std::move(session);
}

SslSessionPointer TlsClientContextImpl::take_session(const std::string& server) {
  const std::scoped_lock lock(mutex_);
  const auto found = sessions_.find(server);
  if (found == sessions_.end()) return nullptr;
  SslSessionPointer session = std::move(found->second);
  sessions_.erase(found);
  return session;
}

namespace {

// The BIO reads from the cipher text at hand and writes into the inner connection's queue, which takes
// everything.
int bio_write(BIO* bio, const char* data, int size) {
  auto* state = static_cast<TlsState*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (state->inner == nullptr || size <= 0) return -1;
  state->inner->write(std::string_view{data, static_cast<std::size_t>(size)});
  return size;
}

int bio_read(BIO* bio, char* out, int size) {
  auto* state = static_cast<TlsState*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (state->input.empty()) {
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

std::unique_ptr<TlsState> make_state(SSL_CTX* context, const Clock* clock) {
  auto state = std::make_unique<TlsState>();
  state->ssl.reset(SSL_new(context));
  BIO* bio = BIO_new(bio_method());
  if (state->ssl == nullptr || bio == nullptr) {
    BIO_free(bio);
    return nullptr;
  }
  BIO_set_data(bio, state.get());
  SSL_set_bio(state->ssl.get(), bio, bio);  // owns it
  SSL_set_app_data(state->ssl.get(), state.get());
  if (clock != nullptr) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(clock->wall_now().time_since_epoch());
    X509_VERIFY_PARAM_set_time(SSL_get0_param(state->ssl.get()), seconds.count());
  }
  return state;
}

bool has_expired(X509* certificate, const Clock* clock) {
  const SystemClock system;
  const WallTime now = (clock != nullptr ? *clock : system).wall_now();
  std::time_t seconds = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count();
  return X509_cmp_time(X509_get0_notAfter(certificate), &seconds) < 0;
}

}  // namespace

std::unique_ptr<TlsState> make_tls_state(std::shared_ptr<TlsServerContext> context) {
  auto server = std::static_pointer_cast<TlsServerContextImpl>(std::move(context));
  auto state = make_state(server->context.get(), server->clock);
  if (state == nullptr) return nullptr;
  state->server = std::move(server);
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
  state->session_key = name + "|" + options.endpoint.to_string() + "|" + std::string(as_text(protocols));
  if (const auto session = client->take_session(state->session_key)) SSL_set_session(ssl, session.get());
  state->client = std::move(client);
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

Result<void> complete_tls_state(TlsState& state) {
  SSL* ssl = state.ssl.get();
  state.peer.transport = "tls";
  state.peer.tls_version = SSL_get_version(ssl);
  const unsigned char* protocol = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(ssl, &protocol, &length);
  if (length > 0) state.peer.application_protocol.assign(reinterpret_cast<const char*>(protocol), length);
  if (X509* certificate = SSL_get0_peer_certificate(ssl)) {
    const TlsServerContextImpl* server = state.server.get();
    const TlsClientContextImpl* client = state.client.get();
    DUNLIN_ASSERT(server != nullptr || client != nullptr);
    const Clock* clock = server != nullptr ? server->clock : client->clock;
    if (SSL_session_reused(ssl) == 1 && has_expired(certificate, clock))
      return fail(Errc::unauthenticated, "certificate has expired");
    const int size = i2d_X509(certificate, nullptr);
    if (size > 0) {
      state.peer.certificate_der.resize(static_cast<std::size_t>(size));
      unsigned char* out = state.peer.certificate_der.data();
      i2d_X509(certificate, &out);
    }
  }
  return {};
}

void drop_tls_peer_chain(TlsState& state) {
  // A client still has to receive tickets, which it keeps together with the server's chain. On the server the
  // list holds what came beside the leaf; the session is this connection's own, since the store holds
  // serialised copies.
  if (state.server == nullptr) return;
  STACK_OF(X509)* chain = SSL_get_peer_cert_chain(state.ssl.get());
  while (X509* certificate = chain == nullptr ? nullptr : sk_X509_pop(chain)) X509_free(certificate);
}

}  // namespace dunlin::net
