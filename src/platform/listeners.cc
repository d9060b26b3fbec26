#include "platform/listeners.h"

#include <boost/json.hpp>

#include "platform/port_owner.h"

namespace dunlin::platform {

/// The listeners that are still to be opened. Handed from step to step; one owner at a time.
struct Listeners::Opening {
  std::vector<ListenerRequest> requests;
  BusyPort busy_port = BusyPort::is_error;
  std::size_t next = 0;
  std::vector<ListenerInfo> opened;
  std::move_only_function<void(Result<std::vector<ListenerInfo>>)> done;
};

void Listeners::open(std::vector<ListenerRequest> requests, BusyPort busy_port,
                     std::move_only_function<void(Result<std::vector<ListenerInfo>>)> done) {
  auto opening = std::make_shared<Opening>();
  opening->requests = std::move(requests);
  opening->busy_port = busy_port;
  opening->done = std::move(done);
  open_next(std::move(opening));
}

Result<void> Listeners::listen_on(std::size_t reactor, const ListenerRequest& request,
                                  const net::Endpoint& endpoint) {
  net::ListenOptions options;
  options.endpoint = endpoint;
  options.tls = request.tls;
  options.proxy_protocol = request.proxy_protocol;
  options.unix_mode = request.unix_mode;
  options.max_handshakes = request.max_handshakes;
  options.handshake_deadline = request.handshake_deadline;
  options.limiter = request.limiter;
  options.blocks = request.blocks;
  auto listener = network_.listen(threads_.at(reactor), std::move(options),
                                  [accept = request.accept](std::unique_ptr<net::Connection> connection) {
                                    accept(std::move(connection));
                                  });
  if (!listener) return std::unexpected(listener.error());
  open_[reactor].push_back({request.name, *std::move(listener)});
  return {};
}

void Listeners::open_next(std::shared_ptr<Opening> opening) {
  if (opening->next == opening->requests.size()) return opening->done(std::move(opening->opened));
  const ListenerRequest& request = opening->requests[opening->next++];
  if (request.address.empty()) return open_next(std::move(opening));
  const net::Endpoint unix_socket{request.address, 0};
  const auto wish = unix_socket.is_unix_socket() ? unix_socket : net::parse_endpoint(request.address);
  if (!wish) return opening->done(std::unexpected(wish.error()));
  ListenerInfo info{request.name, *wish, {}};
  for (int tries = 0;; ++tries) {
    const auto listening = listen_on(0, request, info.address);
    if (listening) break;
    const bool busy = listening.error().code == Errc::unavailable;
    if (busy && info.note.empty() && wish->is_unix_socket()) info.note = listening.error().message;
    if (busy && info.note.empty())
      info.note =
          "port " + std::to_string(info.address.port) + " is held by " + port_owner(info.address.port);
    if (!busy || opening->busy_port == BusyPort::is_error || tries == kMaxPortsTried ||
        wish->is_unix_socket()) {
      return opening->done(
          fail(listening.error().code, "cannot listen on " + request.address + " (" + request.name +
                                           "): " + (busy ? info.note : listening.error().message)));
    }
    ++info.address.port;
  }
  info.address = open_[0].back().listener->local();
  opening->opened.push_back(info);
  if (request.on == ListenerRequest::On::home) return open_next(std::move(opening));
  open_others(request, info.address, 1, [this, opening](Result<void> result) {
    if (!result) return opening->done(std::unexpected(result.error()));
    open_next(opening);
  });
}

void Listeners::open_others(const ListenerRequest& request, net::Endpoint endpoint, std::size_t reactor,
                            std::move_only_function<void(Result<void>)> done) {
  if (reactor == threads_.size()) return done({});
  threads_.at(reactor).post([this, request, endpoint, reactor, done = std::move(done)]() mutable {
    auto listening = listen_on(reactor, request, endpoint);
    threads_.at(0).post([this, request, endpoint, reactor, listening = std::move(listening),
                         done = std::move(done)]() mutable {
      if (!listening) return done(std::move(listening));
      open_others(request, endpoint, reactor + 1, std::move(done));
    });
  });
}

void Listeners::replace_tls(const std::string& name, const std::shared_ptr<net::TlsServerContext>& tls) {
  for (std::size_t reactor = 0; reactor < threads_.size(); ++reactor) {
    threads_.at(reactor).post([this, reactor, name, tls] {
      for (Open& one : open_[reactor]) {
        if (one.name == name) one.listener->replace_tls(tls);
      }
    });
  }
}

void Listeners::close(std::move_only_function<void(Result<void>)> done) {
  auto left = std::make_shared<std::size_t>(threads_.size());  // both are shared by the reactors' answers
  auto finish = std::make_shared<std::move_only_function<void(Result<void>)>>(std::move(done));
  for (std::size_t reactor = 0; reactor < threads_.size(); ++reactor) {
    threads_.at(reactor).post([this, reactor, left, finish] {
      open_[reactor].clear();
      threads_.at(0).post([left, finish] {
        if (--*left == 0) (*finish)({});
      });
    });
  }
}

Result<void> write_server_file(Fs& fs, const std::string& data_folder,
                               const std::vector<ListenerInfo>& listeners) {
  boost::json::object addresses;
  for (const ListenerInfo& info : listeners) addresses[info.name] = info.address.to_string();
  const std::string text = boost::json::serialize(
      boost::json::object{{"process", process_id()}, {"listeners", std::move(addresses)}});
  return write_file_atomically(fs, data_folder + "/server.json", as_bytes(text));
}

}  // namespace dunlin::platform
