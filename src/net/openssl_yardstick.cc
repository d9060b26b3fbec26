#include "net/openssl_yardstick.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <utility>

#include "base/cpu_time.h"
#include "net/tls_state.h"

namespace dunlin::net {
namespace {

constexpr std::string_view kSessionContext = "yardstick";
constexpr int kMostSteps = 16;  // a whole handshake takes two of the server

struct BioDeleter {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using BioPointer = std::unique_ptr<BIO, BioDeleter>;

/// Adds the time of its life to a sum.
class CpuTime {
 public:
  explicit CpuTime(Duration& sum) : sum_(sum), begin_(thread_cpu_time()) {}
  ~CpuTime() { sum_ += thread_cpu_time() - begin_; }
  CpuTime(const CpuTime&) = delete;
  CpuTime& operator=(const CpuTime&) = delete;

 private:
  Duration& sum_;
  const Duration begin_;
};

struct Pair {
  SslPointer server;
  SslPointer client;
};

bool wants_more(const SSL* ssl, int status) {
  return status != 1 && SSL_get_error(ssl, status) == SSL_ERROR_WANT_READ;
}

/// False if it failed.
bool shake_hands(const Pair& pair, Duration& cpu) {
  for (int step = 0; step < kMostSteps; ++step) {
    const int asked = SSL_do_handshake(pair.client.get());
    if (asked != 1 && !wants_more(pair.client.get(), asked)) return false;
    const CpuTime time(cpu);
    const int answered = SSL_do_handshake(pair.server.get());
    if (answered == 1) return SSL_write(pair.server.get(), "", 1) == 1;
    if (!wants_more(pair.server.get(), answered)) return false;
  }
  return false;
}

}  // namespace

double HandshakeCost::microseconds() const {
  if (handshakes == 0) return 0;
  return std::chrono::duration<double, std::micro>(cpu).count() / static_cast<double>(handshakes);
}

double HandshakeCost::per_second() const {
  return cpu <= Duration::zero() || handshakes == 0 ? 0 : 1e6 / microseconds();
}

struct OpensslYardstick::Contexts {
  SslContextPointer server;
  SslContextPointer anyone;  // the server's side for clients without a certificate
  SslContextPointer client;

  Result<Pair> make_pair(HandshakeKind kind, SSL_SESSION* session, Duration& cpu) const;
  Result<SslSessionPointer> shake_once(HandshakeKind kind, SSL_SESSION* session, Duration& cpu) const;
};

OpensslYardstick::OpensslYardstick(std::unique_ptr<Contexts> contexts) : contexts_(std::move(contexts)) {}
OpensslYardstick::~OpensslYardstick() = default;

Result<std::unique_ptr<OpensslYardstick>> OpensslYardstick::make(const HandshakeParties& parties) {
  auto made = std::make_unique<Contexts>();
  for (SslContextPointer* server : {&made->server, &made->anyone}) {
    server->reset(SSL_CTX_new(TLS_server_method()));
    DUNLIN_CHECK(use_tls_identity(server->get(), parties.server_chain_pem, parties.server_key_pem));
    SSL_CTX_set_num_tickets(server->get(), 1);
    SSL_CTX_set_session_id_context(server->get(), as_bytes(kSessionContext).data(), kSessionContext.size());
  }
  DUNLIN_CHECK(trust_tls_anchors(made->server.get(), parties.root_pem));
  SSL_CTX_set_verify(made->server.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);

  made->client.reset(SSL_CTX_new(TLS_client_method()));
  DUNLIN_CHECK(use_tls_identity(made->client.get(), parties.client_chain_pem, parties.client_key_pem));
  DUNLIN_CHECK(trust_tls_anchors(made->client.get(), parties.root_pem));
  SSL_CTX_set_verify(made->client.get(), SSL_VERIFY_PEER, nullptr);
  return std::unique_ptr<OpensslYardstick>(
      new OpensslYardstick(std::move(made)));  // NOLINT: private constructor
}

Result<Pair> OpensslYardstick::Contexts::make_pair(HandshakeKind kind, SSL_SESSION* session,
                                                   Duration& cpu) const {
  BIO* one = nullptr;
  BIO* other = nullptr;
  if (BIO_new_bio_pair(&one, 0, &other, 0) != 1) return fail(Errc::internal, "OpenSSL has no memory");
  BioPointer at_server(one);
  BioPointer at_client(other);
  Pair pair;
  pair.client.reset(SSL_new(client.get()));
  {
    const CpuTime time(cpu);
    pair.server.reset(SSL_new(kind == HandshakeKind::server_only ? anyone.get() : server.get()));
  }
  if (pair.client == nullptr || pair.server == nullptr) return fail(Errc::internal, "OpenSSL has no memory");
  // Each takes one reference for both directions.
  SSL_set_bio(pair.client.get(), at_client.get(), at_client.get());
  std::ignore = at_client.release();
  SSL_set_bio(pair.server.get(), at_server.get(), at_server.get());
  std::ignore = at_server.release();
  if (session != nullptr) SSL_set_session(pair.client.get(), session);
  SSL_set_connect_state(pair.client.get());
  SSL_set_accept_state(pair.server.get());
  return pair;
}

/// The session that the client has been given.
Result<SslSessionPointer> OpensslYardstick::Contexts::shake_once(HandshakeKind kind, SSL_SESSION* session,
                                                                 Duration& cpu) const {
  ERR_clear_error();
  DUNLIN_TRY(Pair pair, make_pair(kind, session, cpu));
  char byte = 0;
  // The ticket comes in front of the byte.
  if (!shake_hands(pair, cpu) || SSL_read(pair.client.get(), &byte, 1) != 1)
    return fail(Errc::internal, "a handshake in memory failed");
  const bool resumed = SSL_session_reused(pair.server.get()) == 1;
  if (resumed != (session != nullptr)) return fail(Errc::internal, "a session was not resumed");
  SslSessionPointer next(SSL_get1_session(pair.client.get()));
  SSL_set_shutdown(pair.client.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);  // else it is not for reuse
  const CpuTime time(cpu);
  pair.server.reset();
  return next;
}

Result<HandshakeCost> OpensslYardstick::measure(HandshakeKind kind, std::uint64_t count) {
  SslSessionPointer session;
  Duration uncounted{};
  if (kind == HandshakeKind::resumed) {
    DUNLIN_TRY(session, contexts_->shake_once(HandshakeKind::mutual, nullptr, uncounted));
  }
  HandshakeCost cost;
  for (; cost.handshakes < count; ++cost.handshakes) {
    DUNLIN_TRY(SslSessionPointer next, contexts_->shake_once(kind, session.get(), cost.cpu));
    if (kind == HandshakeKind::resumed) session = std::move(next);
  }
  return cost;
}

}  // namespace dunlin::net
