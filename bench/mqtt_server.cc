// mqtt_server: the MQTT part of the server alone, for measuring: reactors, hub and transport, anonymous
// clients, and with --durable journal and sessions in a folder. Prints "listening PORT" and runs until
// SIGTERM or SIGINT.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <future>

#include "hub/hub.h"
#include "net/epoll_network.h"
#include "net/reactor_threads.h"
#include "net/tls_context.h"
#include "net/worker_pool.h"
#include "store/log.h"
#include "store/rocks/rocks_keyed.h"
#include "transport/mqtt/server.h"

namespace dunlin::bench {
namespace {

struct Arguments {
  std::uint16_t port = 0;
  std::size_t reactors = 1;
  std::string durable_folder;    // empty: no journal
  std::string certificate_file;  // PEM; empty: no TLS
  std::string key_file;
  std::string client_ca_file;  // empty: clients show no certificate
};

void authenticate_anyone(hub::Credentials credentials, hub::Authenticated done) {
  Principal principal;
  principal.client_id = std::move(credentials.client_id);
  done(std::make_shared<const Principal>(std::move(principal)));
}

class BenchServer {
 public:
  explicit BenchServer(std::size_t reactors)
      : fs_(make_system_fs()),
        threads_(reactors),
        workers_(2),
        network_(threads_.all(), workers_, metrics_) {}

  Result<std::uint16_t> start(const Arguments& arguments) {
    if (!arguments.durable_folder.empty()) DUNLIN_CHECK(open_stores(arguments.durable_folder));
    std::vector<hub::ShardEnvironment> shards;
    shards.reserve(threads_.size());
    for (std::size_t i = 0; i < threads_.size(); ++i)
      shards.push_back({threads_.at(i), journals_.empty() ? nullptr : journals_[i].get()});
    hub_ = std::make_unique<hub::Hub>(hub::HubEnvironment{std::move(shards), keyed_.get(), metrics_, rng_});
    const auto allow = [](const Principal&, hub::Action, std::string_view) -> Result<void> { return {}; };
    mqtt_ = std::make_unique<transport::MqttServer>(
        transport::ServerEnvironment{*hub_, authenticate_anyone, allow, metrics_, rng_});
    DUNLIN_CHECK(make_tls(arguments));
    DUNLIN_TRY(const std::uint16_t port, listen(arguments.port));
    std::promise<Result<void>> started;
    threads_.at(0).post([&] {
      hub_->start(threads_.at(0), [&](Result<void> result) { started.set_value(std::move(result)); });
    });
    threads_.start();
    DUNLIN_CHECK(started.get_future().get());
    return port;
  }

  ~BenchServer() {
    if (hub_) {
      std::promise<void> stopped;
      hub_->stop(threads_.at(0), [&](const Result<void>&) { stopped.set_value(); });
      stopped.get_future().wait();
    }
    threads_.stop();
  }

 private:
  Result<void> open_stores(const std::string& folder) {
    for (std::size_t i = 0; i < threads_.size(); ++i) {
      store::LogOptions options;
      options.folder = folder + "/journal/" + std::to_string(i);
      DUNLIN_CHECK(fs_->create_folders(options.folder));
      DUNLIN_TRY(auto journal, store::open_log({*fs_, threads_.at(i), workers_, metrics_}, options));
      journals_.push_back(std::move(journal));
    }
    // Without it the hub could not tell how far sessions have come, and no segment would ever be removed.
    DUNLIN_TRY(keyed_, store::open_rocks_keyed({*fs_, workers_, metrics_}, {.folder = folder + "/keyed"}));
    return {};
  }

  Result<void> make_tls(const Arguments& arguments) {
    if (arguments.certificate_file.empty()) return {};
    net::TlsServerOptions options;
    DUNLIN_TRY(options.certificate_chain_pem, read_file(*fs_, arguments.certificate_file));
    DUNLIN_TRY(options.private_key_pem, read_file(*fs_, arguments.key_file));
    if (!arguments.client_ca_file.empty()) {
      DUNLIN_TRY(options.client_ca_pem, read_file(*fs_, arguments.client_ca_file));
      options.client_certificate = net::ClientCertificate::required;
    }
    options.application_protocols = {"mqtt"};
    DUNLIN_TRY(tls_, net::make_tls_server_context(options));
    return {};
  }

  Result<std::uint16_t> listen(std::uint16_t port) {
    for (std::size_t i = 0; i < threads_.size(); ++i) {
      net::ListenOptions options;
      options.endpoint = {"127.0.0.1", port};
      options.tls = tls_;
      DUNLIN_TRY(auto listener, network_.listen(threads_.at(i), std::move(options),
                                                [this](std::unique_ptr<net::Connection> connection) {
                                                  mqtt_->accept(std::move(connection));
                                                }));
      port = listener->local().port;
      listeners_.push_back(std::move(listener));
    }
    return port;
  }

  // In the order in which they must go away, the last first.
  std::unique_ptr<Fs> fs_;
  std::shared_ptr<net::TlsServerContext> tls_;  // shared with the connections made under it
  SystemRng rng_;
  metrics::Registry metrics_;
  net::ReactorThreads threads_;
  net::ThreadWorkerPool workers_;
  net::EpollNetwork network_;
  std::vector<std::unique_ptr<store::Log>> journals_;
  std::unique_ptr<store::Keyed> keyed_;
  std::unique_ptr<hub::Hub> hub_;
  std::unique_ptr<transport::MqttServer> mqtt_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
};

int run(const Arguments& arguments) {
  // Blocked before any thread is made, so that only this one takes them.
  sigset_t ends;
  ::sigemptyset(&ends);
  ::sigaddset(&ends, SIGTERM);
  ::sigaddset(&ends, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  BenchServer server(arguments.reactors);
  const Result<std::uint16_t> port = server.start(arguments);
  if (!port) {
    std::fprintf(stderr, "mqtt_server: %s\n", port.error().message.c_str());
    return 1;
  }
  std::printf("listening %d\n", static_cast<int>(*port));
  std::fflush(stdout);
  int signal = 0;
  ::sigwait(&ends, &signal);
  return 0;
}

}  // namespace
}  // namespace dunlin::bench

int main(int argc, char** argv) {
  CLI::App app("The MQTT part of the server alone, for measuring.");
  dunlin::bench::Arguments arguments;
  app.add_option("--port", arguments.port, "to listen on at 127.0.0.1; 0 finds one");
  app.add_option("--reactors", arguments.reactors, "threads")->check(CLI::Range(1, 64));
  app.add_option("--certificate", arguments.certificate_file, "the server's, PEM: TLS only")
      ->check(CLI::ExistingFile);
  app.add_option("--key", arguments.key_file, "of the certificate, PEM")->check(CLI::ExistingFile);
  app.add_option("--client-ca", arguments.client_ca_file, "clients must show a certificate of this CA")
      ->check(CLI::ExistingFile);
  app.add_option("--durable", arguments.durable_folder, "keep a journal in this folder");
  CLI11_PARSE(app, argc, argv);
  return dunlin::bench::run(arguments);
}
