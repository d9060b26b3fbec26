#include "net/virtual_network.h"

#include <algorithm>

#include "base/core/assert.h"
#include "net/rate_acceptor.h"
#include "net/tls_handshakes.h"
#include "net/virtual_connection.h"
#include "net/virtual_stream.h"

namespace dunlin::net {

namespace {

constexpr Duration kSynRetry = std::chrono::seconds{1};

std::pair<std::string, std::string> ordered(const std::string& a, const std::string& b) {
  return a < b ? std::pair{a, b} : std::pair{b, a};
}

bool means_own_host(const std::string& name) {
  return name == "localhost" || name == "127.0.0.1" || name == "::1";
}

}  // namespace

class VirtualHost final : public Network {
 public:
  VirtualHost(VirtualNetwork& network, std::string name) : network_(network), name_(std::move(name)) {}
  Result<std::unique_ptr<Listener>> listen(Executor& executor, ListenOptions options,
                                           AcceptHandler accept) override {
    return network_.listen(name_, executor, std::move(options), std::move(accept));
  }
  void connect(Executor& executor, ConnectOptions options, ConnectHandler done) override {
    network_.connect(name_, executor, std::move(options), std::move(done));
  }

 private:
  VirtualNetwork& network_;
  std::string name_;
};

VirtualListener::VirtualListener(VirtualNetwork& network, Executor& executor, Endpoint local,
                                 AcceptHandler accept)
    : network_(&network), executor_(executor), local_(std::move(local)), accept_(std::move(accept)) {
  network_->listeners_[{local_.host, local_.port}].push_back(this);
}

VirtualListener::~VirtualListener() {
  *alive_ = false;
  if (network_ == nullptr) return;
  const auto found = network_->listeners_.find({local_.host, local_.port});
  std::erase(found->second, this);
  if (found->second.empty()) network_->listeners_.erase(found);
}

VirtualNetwork::VirtualNetwork(VirtualScheduler& scheduler, Rng& rng, metrics::Registry& registry)
    : scheduler_(scheduler), rng_(rng), wire_(scheduler), metrics_(registry) {}

// Connections and listeners that are left (in tasks that never ran, say) lose their way back.
VirtualNetwork::~VirtualNetwork() {
  for (auto& [id, stream] : streams_) {
    for (VirtualEnd& end : stream->ends) {
      if (end.connection != nullptr) end.connection->vanish();
    }
  }
  for (auto& [where, listeners] : listeners_) {
    for (VirtualListener* listener : listeners) {
      listener->network_ = nullptr;
      *listener->alive_ = false;
    }
  }
}

Network& VirtualNetwork::host(const std::string& name) {
  auto& view = hosts_[name];
  if (view == nullptr) view = std::make_unique<VirtualHost>(*this, name);
  return *view;
}

void VirtualNetwork::set_link(const std::string& a, const std::string& b, const VirtualLink& link) {
  DUNLIN_ASSERT(link.max_chunk > 0 && link.receive_window > 0);
  links_[ordered(a, b)] = link;
}

const VirtualLink& VirtualNetwork::link(const std::string& a, const std::string& b) const {
  const auto found = links_.find(ordered(a, b));
  return found == links_.end() ? default_link_ : found->second;
}

Duration VirtualNetwork::travel_time(const VirtualLink& link) {
  if (link.jitter <= Duration::zero()) return link.delay;
  return link.delay +
         Duration{static_cast<Duration::rep>(rng_.below(static_cast<std::uint64_t>(link.jitter.count())))};
}

bool VirtualNetwork::blocked(const std::string& a, const std::string& b) const {
  if (a == b) return false;
  return isolated_.contains(a) || isolated_.contains(b) || partitions_.contains(ordered(a, b));
}

void VirtualNetwork::partition(const std::string& a, const std::string& b) {
  partitions_.insert(ordered(a, b));
}

void VirtualNetwork::isolate(const std::string& host) {
  isolated_.insert(host);
}

void VirtualNetwork::heal(const std::string& a, const std::string& b) {
  partitions_.erase(ordered(a, b));
  resume_streams();
}

void VirtualNetwork::rejoin(const std::string& host) {
  isolated_.erase(host);
  resume_streams();
}

void VirtualNetwork::heal_all() {
  partitions_.clear();
  isolated_.clear();
  resume_streams();
}

Result<std::unique_ptr<Listener>> VirtualNetwork::listen(const std::string& host, Executor& executor,
                                                         ListenOptions options, AcceptHandler accept) {
  std::uint16_t port = options.endpoint.port;
  while (port == 0 || (options.endpoint.port == 0 && listeners_.contains({host, port}))) port = next_port_++;
  const auto found = listeners_.find({host, port});
  if (found != listeners_.end()) {
    const auto same = [&](const VirtualListener* other) { return &other->executor_ == &executor; };
    if (std::any_of(found->second.begin(), found->second.end(), same))
      return fail(Errc::unavailable, "address in use: " + Endpoint{host, port}.to_string());
  }
  auto tls = listener_tls(options);
  auto handler = accept_with_tls(options, tls, metrics_, std::move(accept));
  handler = accept_within_rate(options.limiter, metrics_, std::move(handler));
  handler = accept_unblocked(options.blocks, metrics_, std::move(handler));
  auto listener =
      std::make_unique<VirtualListener>(*this, executor, Endpoint{host, port}, std::move(handler));
  return listener_with_tls(std::move(listener), std::move(tls));
}

void VirtualNetwork::connect(const std::string& host, Executor& executor, ConnectOptions options,
                             ConnectHandler done) {
  auto& handshakes = handshakes_[host];
  if (handshakes == nullptr) handshakes = std::make_unique<TlsHandshakes>(metrics_);
  done = connect_with_tls(options, executor.now(), *handshakes, std::move(done));
  const std::uint64_t id = next_id_++;
  auto attempt = std::make_unique<VirtualConnect>();
  attempt->executor = &executor;
  attempt->from = host;
  attempt->to = options.endpoint;
  if (means_own_host(attempt->to.host)) attempt->to.host = host;
  while (next_port_ == 0 || listeners_.contains({host, next_port_})) ++next_port_;
  attempt->port = next_port_++;
  attempt->done = std::move(done);
  attempt->id = id;
  attempt->deadline = executor.schedule(options.deadline, [this, id, to = attempt->to] {
    connects_.at(id)->deadline = {};
    finish_connect(id, fail(Errc::timed_out, "no connection to " + to.to_string() + " within the deadline"));
  });
  connects_.emplace(id, std::move(attempt));
  if (options.guard != nullptr) {
    // A virtual host has no address but its name.
    if (const auto why = options.guard->refusal(options.endpoint.host, options.endpoint)) {
      executor.post([this, id, error = Error{Errc::permission_denied, std::string(*why)}] {
        if (connects_.contains(id)) finish_connect(id, std::unexpected(error));
      });
      return;
    }
  }
  syn(id);
}

void VirtualNetwork::syn(std::uint64_t attempt) {
  const auto found = connects_.find(attempt);
  if (found == connects_.end()) return;
  const VirtualConnect& connect = *found->second;
  wire_.schedule(travel_time(link(connect.from, connect.to.host)), [this, attempt] { syn_arrives(attempt); });
}

void VirtualNetwork::syn_arrives(std::uint64_t attempt) {
  const auto found = connects_.find(attempt);
  if (found == connects_.end()) return;
  const VirtualConnect& connect = *found->second;
  if (blocked(connect.from, connect.to.host)) {
    wire_.schedule(kSynRetry, [this, attempt] { syn(attempt); });
    return;
  }
  if (VirtualListener* listener = pick_listener(connect.to.host, connect.to.port))
    return answer_syn(connect, *listener);
  const Duration back = travel_time(link(connect.from, connect.to.host));
  wire_.schedule(back, [this, attempt, to = connect.to] {
    finish_connect(attempt, fail(Errc::unavailable, "cannot connect to " + to.to_string() + ": refused"));
  });
}

VirtualListener* VirtualNetwork::pick_listener(const std::string& host, std::uint16_t port) {
  const auto found = listeners_.find({host, port});
  if (found == listeners_.end()) return nullptr;
  const auto& sharing = found->second;
  return sharing.size() == 1 ? sharing.front() : sharing[rng_.below(sharing.size())];
}

void VirtualNetwork::answer_syn(const VirtualConnect& attempt, VirtualListener& listener) {
  auto made = std::make_unique<VirtualStream>();
  VirtualStream& stream = *made;
  stream.id = next_id_++;
  stream.attempt = attempt.id;
  stream.end(0).address = {attempt.from, attempt.port};
  stream.end(1).address = listener.local_;
  streams_.emplace(stream.id, std::move(made));
  send(stream, 1, PacketKind::established);
  auto connection = std::make_unique<VirtualConnection>(*this, listener.executor_, &stream, 1);
  metrics_.accepted.add();
  listener.executor_.post([&listener, alive = listener.alive_, accepted = std::move(connection)]() mutable {
    if (*alive) listener.accept_(std::move(accepted));
  });
}

void VirtualNetwork::finish_connect(std::uint64_t attempt, Result<std::unique_ptr<Connection>> result) {
  const auto found = connects_.find(attempt);
  if (found == connects_.end()) return;
  const auto connect = std::move(found->second);
  connects_.erase(found);
  if (connect->deadline) connect->executor->cancel(connect->deadline);
  (result ? metrics_.connected : metrics_.connect_failures).add();
  connect->executor->post(
      [done = std::move(connect->done), answer = std::move(result)]() mutable { done(std::move(answer)); });
}

}  // namespace dunlin::net
