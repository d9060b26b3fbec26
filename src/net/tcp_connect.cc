#include "net/tcp_connect.h"

#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include <cerrno>
#include <cstring>

namespace dunlin::net {

Result<std::vector<SocketAddress>> resolve_name(const Endpoint& endpoint) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(endpoint.port);
  const int status = ::getaddrinfo(endpoint.host.c_str(), port.c_str(), &hints, &found);
  if (status != 0)
    return fail(Errc::not_found, "cannot resolve " + endpoint.host + ": " + ::gai_strerror(status));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> guard(found, &::freeaddrinfo);
  std::vector<SocketAddress> addresses;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    if (addresses.size() == kMaxAddressesPerName) break;
    if (entry->ai_family != AF_INET && entry->ai_family != AF_INET6) continue;
    SocketAddress address;
    std::memcpy(&address.v6, entry->ai_addr, std::min<std::size_t>(entry->ai_addrlen, sizeof address.v6));
    address.length = entry->ai_addrlen;
    addresses.push_back(address);
  }
  if (addresses.empty()) return fail(Errc::not_found, "no usable address for " + endpoint.host);
  return addresses;
}

TcpConnect::TcpConnect(TcpContext& context, const ConnectOptions& options, ConnectHandler done)
    : context_(context), endpoint_(options.endpoint), guard_(options.guard), done_(std::move(done)) {
  deadline_ = context_.reactor.schedule(options.deadline, [this] {
    deadline_ = {};
    finish(fail(Errc::timed_out, "no connection to " + endpoint_.to_string() + " within the deadline"));
  });
}

TcpConnect::~TcpConnect() {
  if (deadline_) context_.reactor.cancel(deadline_);
  close_socket();
}

void TcpConnect::close_socket() {
  if (watched_) context_.reactor.unwatch(*this);
  watched_ = false;
  socket_.reset();
}

void TcpConnect::start(Result<std::vector<SocketAddress>> addresses) {
  if (!addresses) return finish(std::unexpected(addresses.error()));
  addresses_ = *std::move(addresses);
  if (auto refused = leave_out_guarded()) return finish(std::unexpected(*std::move(refused)));
  try_next();
}

// These very addresses are connected to afterwards: there is no second look-up that could say something else.
std::optional<Error> TcpConnect::leave_out_guarded() {
  if (guard_ == nullptr) return std::nullopt;
  std::optional<Error> refused;
  std::erase_if(addresses_, [&](const SocketAddress& address) {
    const auto why = guard_->refusal(endpoint_.host, address.endpoint());
    if (why)
      refused = Error{Errc::permission_denied, "no connection to " + endpoint_.to_string() + ": it is " +
                                                   std::string(*why) + ", and not among those that are open"};
    return why.has_value();
  });
  return addresses_.empty() ? refused : std::nullopt;
}

void TcpConnect::try_next() {
  while (next_ < addresses_.size()) {
    if (begin(addresses_[next_])) return;
    close_socket();
    ++next_;
  }
  finish(fail(Errc::unavailable,
              "cannot connect to " + endpoint_.to_string() + ": " + std::strerror(last_error_)));
}

// False if this address has failed already (last_error_ says why).
bool TcpConnect::begin(const SocketAddress& address) {
  socket_ = UniqueFd{::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  const int on = 1;
  if (socket_.valid()) {
    ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(socket_.get(), &address.base, address.length) == 0 || errno == EINPROGRESS) {
      // A connection that is there at once is reported writable like any other, so `done` is never called
      // from here.
      watched_ = context_.reactor.watch(socket_.get(), EPOLLOUT, *this);
      if (watched_) return true;
    }
  }
  last_error_ = errno;
  return false;
}

void TcpConnect::on_events(std::uint32_t) {
  int error = 0;
  socklen_t length = sizeof error;
  if (::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
  if (error == 0) return connected();
  last_error_ = error;
  close_socket();
  ++next_;
  try_next();
}

void TcpConnect::connected() {
  context_.reactor.unwatch(*this);
  watched_ = false;
  TcpStream stream;
  stream.fd = std::move(socket_);
  stream.address = addresses_[next_];
  auto connection = TcpConnection::make(context_, std::move(stream));
  if (connection == nullptr)
    return finish(fail(Errc::unavailable, "the event loop takes no more descriptors"));
  context_.metrics.connected.add();
  finish(std::unique_ptr<Connection>(std::move(connection)));
}

void TcpConnect::finish(Result<std::unique_ptr<Connection>> result) {
  if (!result) context_.metrics.connect_failures.add();
  ConnectHandler done = std::move(done_);
  done(std::move(result));
}

}  // namespace dunlin::net
