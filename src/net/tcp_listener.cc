#include "net/tcp_listener.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include <cerrno>
#include <cstring>

#include "base/log.h"

namespace dunlin::net {

namespace {

UniqueFd open_spare() {
  return UniqueFd{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
}

std::unexpected<Error> socket_error(const Endpoint& endpoint, const char* step, int error) {
  const std::string text =
      "cannot " + std::string(step) + " " + endpoint.to_string() + ": " + std::strerror(error);
  if (error == EACCES || error == EPERM) return fail(Errc::permission_denied, text);
  return fail(Errc::unavailable, text);
}

void set_option(int fd, int level, int name, int value) {
  ::setsockopt(fd, level, name, &value, sizeof value);
}

template <class Unit>
int count_of(Duration time) {
  return static_cast<int>(std::chrono::ceil<Unit>(time).count());
}

// Sockets that are accepted inherit all of it (tcp(7), socket(7)), which spares each a few system calls.
void set_patience(int fd, const Patience& patience) {
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  // Later than our own look, which can say in the log what happened.
  if (patience.stalled_after > Duration::zero())
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, count_of<milliseconds>(2 * patience.stalled_after));
  if (patience.keepalive_idle <= Duration::zero()) return;
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, count_of<seconds>(patience.keepalive_idle));
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, count_of<seconds>(kKeepaliveInterval));
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, kKeepaliveProbes);
}

}  // namespace

Result<UniqueFd> open_listening_socket(const Endpoint& endpoint, int backlog, PortSharing sharing,
                                       const Patience& patience) {
  const auto address = parse_address(endpoint);
  if (!address) return fail(Errc::invalid_argument, "not a numeric address: " + endpoint.host);
  UniqueFd socket{::socket(address->family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!socket.valid()) return socket_error(endpoint, "open a socket for", errno);
  // Two calls: the names are numbers of their own, not flags to be combined.
  set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (sharing == PortSharing::between_reactors) set_option(socket.get(), SOL_SOCKET, SO_REUSEPORT, 1);
  if (address->family() == AF_INET6) set_option(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  set_option(socket.get(), IPPROTO_TCP, TCP_NODELAY, 1);  // what is accepted inherits it
  set_patience(socket.get(), patience);
  if (::bind(socket.get(), &address->base, address->length) != 0)
    return socket_error(endpoint, "bind", errno);
  if (::listen(socket.get(), backlog) != 0) return socket_error(endpoint, "listen on", errno);
  return socket;
}

TcpListener::TcpListener(TcpContext& context, ListeningSocket socket, TcpStream::Service service,
                         AcceptHandler accept)
    : context_(context),
      socket_(std::move(socket.fd)),
      file_(std::move(socket.file)),
      spare_(open_spare()),
      service_(service),
      accept_(std::move(accept)),
      local_(file_ == nullptr ? local_endpoint(socket_.get()) : Endpoint::unix_socket(file_->path())) {}

Result<std::unique_ptr<TcpListener>> TcpListener::open(TcpContext& context, ListeningSocket socket,
                                                       TcpStream::Service service, AcceptHandler accept) {
  auto listener = std::unique_ptr<TcpListener>(
      new TcpListener(context, std::move(socket), service, std::move(accept)));  // NOLINT: it is private
  if (!context.reactor.watch(listener->socket_.get(), EPOLLIN, *listener)) {
    listener->socket_.reset();
    return fail(Errc::unavailable, "cannot watch the listening socket");
  }
  return listener;
}

TcpListener::~TcpListener() {
  if (destroyed_ != nullptr) *destroyed_ = true;
  if (resting_) context_.reactor.cancel(resting_);
  if (socket_.valid()) context_.reactor.unwatch(*this);
}

void TcpListener::on_events(std::uint32_t) {
  bool destroyed = false;
  destroyed_ = &destroyed;
  for (int i = 0; i < kAcceptBudget; ++i) {
    const bool more = accept_one();
    if (destroyed) return;
    if (!more) break;
  }
  destroyed_ = nullptr;
}

bool TcpListener::accept_one() {
  TcpStream stream;
  stream.service = service_;
  stream.address.length = sizeof stream.address.v6;
  stream.fd = UniqueFd{
      ::accept4(socket_.get(), &stream.address.base, &stream.address.length, SOCK_NONBLOCK | SOCK_CLOEXEC)};
  if (!stream.fd.valid()) {
    const int error = errno;
    if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM) {
      refuse_one(error);
      return false;
    }
    // Errors of the one connection that was next (accept(2)): it is gone, the others wait.
    return error == ECONNABORTED || error == EINTR || error == EPROTO || error == ENETDOWN ||
           error == EHOSTUNREACH;
  }
  if (local_.is_unix_socket()) stream.address = local_peer(stream.fd.get());
  auto connection = TcpConnection::make(context_, std::move(stream));
  if (connection == nullptr) {
    context_.metrics.accept_failures.add();
    return true;
  }
  context_.metrics.accepted.add();
  accept_(std::move(connection));
  return true;
}

void TcpListener::refuse_one(int error) {
  context_.metrics.accept_failures.add();
  log::refusal("net", "connection refused: out of descriptors or memory", local_.to_string(),
               {{"error", std::strerror(error)}});
  spare_.reset();
  UniqueFd dropped{::accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
  // The dropped connection's descriptor must be free before the spare can be taken again.
  dropped.reset();
  spare_ = open_spare();
  rest();
}

// Without this rest a level-triggered listener would spin for as long as the shortage lasts.
void TcpListener::rest() {
  context_.reactor.change(0, *this);
  resting_ = context_.reactor.schedule(kAcceptPause, [this] {
    resting_ = {};
    context_.reactor.change(EPOLLIN, *this);
  });
}

}  // namespace dunlin::net
