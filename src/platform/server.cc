#include "platform/server.h"

#include <malloc.h>

#include <algorithm>
#include <future>
#include <map>

#include "base/log.h"
#include "base/rng.h"
#include "hub/hub.h"
#include "net/epoll_network.h"
#include "net/protocol_split.h"
#include "net/reactor_threads.h"
#include "net/worker_pool.h"
#include "platform/audit.h"
#include "platform/backups.h"
#include "platform/certificate_renewal.h"
#include "platform/client_crls.h"
#include "platform/doctor.h"
#include "platform/doors.h"
#include "platform/drain_operations.h"
#include "platform/listeners.h"
#include "platform/live_wiring.h"
#include "platform/memory_guard.h"
#include "platform/provisioning.h"
#include "platform/query_threads.h"
#include "platform/refusal_operations.h"
#include "platform/security_stack.h"
#include "platform/server_limits.h"
#include "platform/services.h"
#include "platform/spoken_for.h"
#include "platform/status.h"
#include "platform/stores.h"
#include "platform/sys_topics.h"
#include "platform/thing_lives.h"
#include "platform/thing_removal.h"
#include "platform/web_door.h"
#include "security/refusal_book.h"
#include "security/vault.h"
#include "security/vault_files.h"
#include "security/vault_record.h"
#include "service/access/access.h"
#include "service/audit/audit.h"
#include "service/behaviour/behaviour_service.h"
#include "service/broker/broker.h"
#include "service/provision/provision.h"
#include "transport/bridge/bridges.h"
#include "transport/http/enrolment_routes.h"
#include "transport/http/pki_routes.h"
#include "transport/http/web_server.h"
#include "transport/mqtt/server.h"

namespace dunlin::platform {
namespace {
using Done = std::move_only_function<void(Result<void>)>;

class RunningServer final : public Server {
 public:
  RunningServer(ServerConfig config, Fs& fs, store::BrokenDisk broken, std::size_t reactors)
      : config_(std::move(config)),
        fs_(fs),
        broken_(std::move(broken)),
        threads_(reactors),
        query_threads_(config_.query_threads),
        workers_(static_cast<std::size_t>(config_.workers)),
        network_(threads_.all(), workers_, metrics_, {config_.stalled_after, config_.tcp_keepalive},
                 &refusals_) {}
  ~RunningServer() override { stop(); }

  Result<void> open();
  Result<void> start() override;
  void stop() override;
  const std::vector<ListenerInfo>& listeners() const override { return listener_infos_; }
  const std::optional<std::string>& claim_token() const override { return claim_token_; }

 private:
  Executor& home() { return threads_.at(0); }
  Result<void> open_vault();
  Result<void> chain_records();
  void compose_hub();
  void compose();
  void make_web();
  void make_splits();
  void start_parts(Done done);
  void start_on_records(Done done);
  void start_hub(Done done);
  void open_listeners(Done done);
  Result<SecurityStack::Tls> make_tls() const;
  void declare_access();
  Result<void> adopt_certificate();
  store::BrokenDisk disk_watch();
  /// For /readyz: a load balancer should send new clients here.
  bool takes_clients() const {
    return ready_.load() && !disk_broken_.load() && !mqtt_->draining() &&
           memory_->level() == MemoryLevel::normal;
  }
  /// 0: no such listener.
  std::uint16_t port_of(std::string_view listener) const {
    const auto found = std::ranges::find(listener_infos_, listener, &ListenerInfo::name);
    return found == listener_infos_.end() ? std::uint16_t{0} : found->address.port;
  }
  Result<void> wait_for(std::function<void(Done)> begin);
  ServerConfig config_;
  SnapshotFs fs_;
  store::BrokenDisk broken_;
  SystemClock clock_;
  SystemRng rng_;
  metrics::Registry metrics_;
  security::RefusalBook refusals_{clock_, metrics_};
  std::unique_ptr<File> lock_;
  net::ReactorThreads threads_;
  QueryThreads query_threads_;
  net::ThreadWorkerPool workers_;
  net::EpollNetwork network_;
  const std::shared_ptr<net::AddressBlocks> blocks_ = std::make_shared<net::AddressBlocks>();
  Stores stores_;
  security::AuditChain* audit_chain_ = nullptr;  // the repository in stores_
  std::unique_ptr<Audit> audit_;
  security::VaultState vault_state_;
  std::unique_ptr<security::Vault> vault_;  // null: the keys are not protected
  std::unique_ptr<SecurityStack> security_;
  hub::Standings standings_;
  std::unique_ptr<hub::Hub> hub_;
  std::unique_ptr<Services> services_;
  std::unique_ptr<ThingLives> lives_;
  hub::ConductWatch conduct_;
  std::unique_ptr<behaviour::BehaviourService> behaviour_;
  std::unique_ptr<bridge::Bridges> bridges_;
  std::unique_ptr<transport::MqttServer> mqtt_;
  std::unique_ptr<Provisioning> provisioning_;
  model::OperationTable operations_;
  std::unique_ptr<transport::LiveFeed> live_;
  std::unique_ptr<series::Follower> live_samples_;
  std::unique_ptr<RefusalFeed> refusal_feed_;
  net::http::AssetTable assets_ = dashboard_assets();
  std::unique_ptr<transport::PkiRoutes> pki_routes_;
  std::unique_ptr<transport::WebServer> web_;
  std::map<Executor*, std::unique_ptr<net::ProtocolSplit>> splits_;  // does not change once threads run
  std::unique_ptr<Listeners> listeners_;
  std::unique_ptr<CertificateRenewal> renewal_;
  std::unique_ptr<ClientCrls> crls_;
  std::unique_ptr<SysTopics> sys_topics_;
  std::unique_ptr<MemoryGuard> memory_;
  std::unique_ptr<backup::BackupService> backups_;
  std::vector<ListenerInfo> listener_infos_;
  std::optional<std::string> claim_token_;
  std::string group_secret_;  // on its way from open() to compose()
  std::atomic<bool> ready_{false};
  std::atomic<bool> disk_broken_{false};
  enum class State { open, running, stopped } state_ = State::open;
};

Result<void> RunningServer::open() {
  DUNLIN_TRY(lock_, lock_data_folder(fs_, config_.data_folder));
  DUNLIN_CHECK(open_vault());
  const std::vector<net::Reactor*> all = threads_.all();
  DUNLIN_TRY(stores_,
             open_stores({fs_, workers_, metrics_, {all.begin(), all.end()}, disk_watch()}, config_));
  DUNLIN_TRY(group_secret_, provision::load_group_secret({fs_, vault_.get()}, rng_, config_.data_folder));
  DUNLIN_CHECK(chain_records());
  DUNLIN_TRY(security_, SecurityStack::open({home(), fs_, clock_, rng_, workers_, *stores_.repository,
                                             metrics_, vault_.get()},
                                            config_));
  compose();
  return crls_->load();
}

store::BrokenDisk RunningServer::disk_watch() {
  return [this](const Error& error) {
    disk_broken_ = true;
    if (broken_) broken_(error);
  };
}

Result<void> RunningServer::open_vault() {
  DUNLIN_TRY(vault_state_, security::vault_state(fs_, config_.data_folder));
  if (!security::Vault::exists(fs_, config_.data_folder)) return {};
  DUNLIN_TRY(vault_, security::Vault::open(fs_, config_.data_folder, config_.passphrase_source));
  // What a crash has left in the clear while the keys were being protected, or what was put there since.
  DUNLIN_CHECK(security::seal_files(fs_, config_.data_folder, *vault_));
  return {};
}

/// From here on every write goes through the audit log.
Result<void> RunningServer::chain_records() {
  DUNLIN_TRY(security::AuditKey key,
             security::AuditKey::open({fs_, vault_.get()}, rng_, config_.data_folder));
  auto chain = std::make_unique<security::AuditChain>(
      security::AuditChainParts{std::move(stores_.repository), home(), clock_, metrics_, std::move(key)});
  audit_chain_ = chain.get();
  stores_.repository = std::move(chain);
  audit_ = std::make_unique<Audit>(Audit::Parts{home(), workers_, *audit_chain_, metrics_, config_.keep_audit,
                                                static_cast<std::uint64_t>(config_.max_audit_records)});
  return {};
}

void RunningServer::compose_hub() {
  std::vector<hub::ShardEnvironment> shards;
  for (std::size_t i = 0; i < threads_.size(); ++i)
    shards.push_back({threads_.at(i), stores_.journals.empty() ? nullptr : stores_.journals[i].get()});
  hub_ = std::make_unique<hub::Hub>(
      hub::HubEnvironment{std::move(shards),
                          stores_.keyed.get(),
                          metrics_,
                          rng_,
                          hub_limits(config_),
                          {},
                          make_will_authorizer(security_->policy_engine(), standings_)});
  services_ = std::make_unique<Services>(
      ServicesEnvironment{home(), *hub_, *stores_.keyed, *stores_.samples, *stores_.repository, metrics_,
                          mapping_of(config_), registry_options(config_), config_.alarms, &standings_,
                          config_.series, heard_in(*hub_), query_threads_.executors(), stores_.blobs.get(),
                          &security_->policy_engine(), config_.blobs.keep, audit_->calls()});
  behaviour_ = std::make_unique<behaviour::BehaviourService>(behaviour::BehaviourEnvironment{
      home(), *hub_, *stores_.keyed, *stores_.repository, services_->registry(), services_->alarms(),
      conduct_, metrics_, &refusals_});
  const std::uint64_t budget = config_.memory_budget.value_or(available_memory(fs_) / 2);
  memory_ = std::make_unique<MemoryGuard>(
      MemoryGuard::Parts{home(), metrics_, budget, [this] { return resident_bytes(fs_); },
                         [this](MemoryLevel level) { hub_->set_memory_level(level); },
                         // The C library keeps what a burst has freed; a server that rests should not.
                         [this] { workers_.run([] { malloc_trim(0); }); }});
}

void RunningServer::compose() {
  security_->authenticator().on_sign_in(audit_->sign_ins());
  security_->authenticator().keep_refusals(refusals_);
  operations_.record_calls(audit_->calls());
  operations_.answer_behind([this](Task done) { mqtt_->settle(home(), std::move(done)); });
  compose_hub();
  mqtt_ = std::make_unique<transport::MqttServer>(transport::ServerEnvironment{
      *hub_, make_mqtt_authenticator(home(), security_->authenticator()),
      judge_spoken_for({make_mqtt_authorizer(security_->policy_engine()), security_->policy_engine(),
                        standings_, mapping_of(config_), audit_->spoken_for()}),
      metrics_, rng_, mqtt_limits(config_), make_mqtt_scram(home(), security_->scram()),
      &security_->policy_engine().changes(),
      [this](const Principal& principal) { return standings_.of(principal.tenant, principal.name); },
      &conduct_, &standings_.changes(), &refusals_});
  bridge::BridgeEnvironment lines{home(),
                                  network_,
                                  workers_,
                                  {fs_, vault_.get()},
                                  *hub_,
                                  *stores_.keyed,
                                  metrics_,
                                  rng_,
                                  config_.data_folder + "/bridge-secrets"};
  bridges_ = std::make_unique<bridge::Bridges>(
      bridge::BridgesEnvironment{std::move(lines), *stores_.repository, services_->alarms()},
      config_.bridges);
  provisioning_ = std::make_unique<Provisioning>(Provisioning::Parts{
      home(), *stores_.repository, services_->registry(), *security_, clock_, rng_, metrics_,
      std::move(group_secret_), [this] { return port_of("mqtts"); }, [this] { return adopt_certificate(); },
      [this](TenantId tenant, std::vector<std::string> fingerprints, std::string reason) {
        hub_->end_certificates(tenant, std::move(fingerprints), std::move(reason));
      },
      refusals_});
  provisioning_->declare(operations_);
  services_->declare(operations_);
  behaviour_->declare(operations_);
  bridges_->declare(operations_);
  declare_access();
  broker::declare({home(), *hub_, make_mqtt_authorizer(security_->policy_engine()), hub_limits(config_)},
                  operations_);
  audit::declare(audit_->log(), operations_);
  declare_status(operations_, {clock_, metrics_, listener_infos_, *mqtt_, *memory_, fs_, config_});
  declare_drain(operations_, *mqtt_);
  declare_refusals(operations_,
                   {refusals_, security_->authenticator().penalties(), *blocks_, standings_, clock_});
  declare_doctor(operations_, {home(), workers_, fs_, clock_, config_, stores_.repository.get()});
  backups_ = make_backups({home(), workers_, fs_, clock_, metrics_, audit_->calls()}, config_);
  backups_->declare(operations_);
  live_ = std::make_unique<transport::LiveFeed>(home(), metrics_);
  live_samples_ = wire_live_feed(*services_, *live_);
  live_->set_tracer(hub_->tracer());
  refusal_feed_ = std::make_unique<RefusalFeed>(home(), refusals_, *live_);
  withdraw_credentials_with_things(home(), services_->registry(), security_->thing_credentials(),
                                   security_->attachments());
  lives_ = std::make_unique<ThingLives>(
      ThingLives::Parts{home(), services_->registry(), *hub_, standings_,
                        [this](std::string_view thing) { return mapping_of(config_).filters_of(thing); }});
  make_web();
  make_splits();
  listeners_ = std::make_unique<Listeners>(network_, threads_);
  crls_ = std::make_unique<ClientCrls>(ClientCrls::Parts{home(), workers_, fs_, clock_, metrics_},
                                       config_.client_crls, [this] { return adopt_certificate(); });
  sys_topics_ = std::make_unique<SysTopics>(
      SysTopics::Parts{home(), *hub_, metrics_, std::string(version()), config_.sys_interval});
  security_->authority_changes().on_change([this] { return adopt_certificate(); });
  renewal_ = std::make_unique<CertificateRenewal>(
      CertificateRenewal::Parts{home(), workers_, security_->pki(), metrics_},
      [this] { return adopt_certificate(); });
}

void RunningServer::make_web() {
  pki_routes_ = std::make_unique<transport::PkiRoutes>(transport::PkiRoutes::Parts{
      security_->pki(), security_->revocation_lists(), security_->ocsp(), clock_});
  web_ = std::make_unique<transport::WebServer>(transport::WebServerParts{
      home(), operations_, make_web_door(home(), security_->authenticator(), security_->accounts(), clock_),
      *live_, metrics_, assets_, std::string(version()), [this] { return takes_clients(); },
      [this](net::http::Router& router) {
        provisioning_->mount(router);
        pki_routes_->mount(router);
        transport::mount_security_text(router, config_.security_text, clock_);
      },
      transport::EnrolmentRoutes::operations(),
      [this](std::unique_ptr<net::Connection> connection) { mqtt_->accept(std::move(connection)); },
      &services_->lines(), &services_->samples(), services_->blobs(), &services_->queries(), &refusals_,
      metrics_access(config_).value()});  // check() has seen it already
}

void RunningServer::make_splits() {
  const auto to_mqtt = [this](std::unique_ptr<net::Connection> connection) {
    mqtt_->accept(std::move(connection));
  };
  // The web side lives on the home reactor.
  const auto to_web = [this](std::unique_ptr<net::Connection> connection) {
    if (&connection->executor() == &home()) return web_->accept(std::move(connection));
    net::Connection& leaving = *connection;
    leaving.move_to(home(),
                    [this](std::unique_ptr<net::Connection> arrived) { web_->accept(std::move(arrived)); });
  };
  for (net::Reactor* reactor : threads_.all()) {
    splits_.emplace(reactor, std::make_unique<net::ProtocolSplit>(
                                 metrics_, net::ProtocolSplit::Options{.refusals = &refusals_},
                                 net::ProtocolSplit::Owners{to_mqtt, to_web}));
  }
}

/// Runs `begin` on the home reactor and waits for its completion.
Result<void> RunningServer::wait_for(std::function<void(Done)> begin) {
  std::promise<Result<void>> finished;
  auto future = finished.get_future();
  home().post([&] { begin([&finished](Result<void> result) { finished.set_value(std::move(result)); }); });
  return future.get();
}

Result<void> RunningServer::start() {
  state_ = State::running;
  threads_.start();
  query_threads_.start();
  DUNLIN_CHECK(wait_for([this](Done done) { start_parts(std::move(done)); }));
  DUNLIN_CHECK(wait_for([this](Done done) { open_listeners(std::move(done)); }));
  DUNLIN_CHECK(security_->authenticator().write_local_admin_token(fs_, config_.data_folder));
  DUNLIN_CHECK(write_server_file(fs_, config_.data_folder, listener_infos_));
  home().post([this] {
    audit_->start();
    memory_->start();
    renewal_->start();
    crls_->start();
    security_->revocation_lists().start();
    security_->expiry_watch().start();
    security_->retirement().start();
    security::record_vault_state({home(), *stores_.repository, clock_, metrics_}, vault_state_);
    sys_topics_->start();
    refusal_feed_->start();
    sweep_credentials(home(), security_->thing_credentials());
    services_->registry().resume_wipes();
  });
  ready_ = true;
  return {};
}

void RunningServer::start_parts(Done done) {
  audit_chain_->start(home(), [this, done = std::move(done)](Result<void> chained) mutable {
    if (!chained) return done(std::move(chained));
    start_on_records(std::move(done));
  });
}

void RunningServer::start_on_records(Done done) {
  security_->load(home(), [this, done = std::move(done)](Result<std::optional<std::string>> claim) mutable {
    if (!claim) return done(std::unexpected(claim.error()));
    claim_token_ = *std::move(claim);
    lives_->load([this, done = std::move(done)](Result<void> known) mutable {
      if (!known) return done(std::move(known));
      start_hub(std::move(done));
    });
  });
}

void RunningServer::start_hub(Done done) {
  hub_->start(home(), [this, done = std::move(done)](Result<void> started) mutable {
    if (!started) return done(std::move(started));
    services_->start([this, done = std::move(done)](Result<void> running) mutable {
      if (!running) return done(std::move(running));
      provisioning_->load([this, done = std::move(done)](Result<void> loaded) mutable {
        if (!loaded) return done(std::move(loaded));
        behaviour_->start([this, done = std::move(done)](Result<void> watching) mutable {
          if (!watching) return done(std::move(watching));
          bridges_->start(std::move(done));
        });
      });
    });
  });
}

void RunningServer::open_listeners(Done done) {
  auto tls = make_tls();
  if (!tls) return done(std::unexpected(tls.error()));
  const auto accept_mqtt = [this](std::unique_ptr<net::Connection> connection) {
    mqtt_->accept(std::move(connection));
  };
  const auto accept_web = [this](std::unique_ptr<net::Connection> connection) {
    web_->accept(std::move(connection));
  };
  const auto accept_any = [this](std::unique_ptr<net::Connection> connection) {
    splits_.at(&connection->executor())->accept(std::move(connection));
  };
  auto wanted = listener_requests(config_, *tls, {accept_mqtt, accept_web, accept_any}, blocks_);
  if (!wanted) return done(std::unexpected(wanted.error()));
  listeners_->open(*std::move(wanted), config_.busy_port,
                   [this, done = std::move(done)](Result<std::vector<ListenerInfo>> opened) mutable {
                     if (!opened) return done(std::unexpected(opened.error()));
                     listener_infos_ = *std::move(opened);
                     done({});
                   });
}

void RunningServer::declare_access() {
  const access::AccessParts parts{
      home(),
      *hub_,
      security_->pki(),
      security_->certificates(),
      security_->authority_changes(),
      security_->policies(),
      security_->attachments(),
      security_->policy_trial(),
      security_->accounts(),
      security_->roles(),
      security_->scram_credentials(),
      security_->thing_keys(),
      security_->second_factors(),
      [this](TenantId tenant, const std::string& user) { web_->end_pages(tenant, user); },
      [this](TenantId tenant, std::string thing, auto done) {
        services_->registry().credential_given(tenant, std::move(thing), std::move(done));
      }};
  access::declare(parts, operations_);
}

Result<SecurityStack::Tls> RunningServer::make_tls() const {
  const bool accept = config_.stale_crl == "accept";
  return security_->make_tls(clock_, {crls_->files(), accept ? net::StaleCrl::accept : net::StaleCrl::refuse},
                             provisioning_->trusted());
}

Result<void> RunningServer::adopt_certificate() {
  DUNLIN_TRY(const SecurityStack::Tls tls, make_tls());
  listeners_->replace_tls("mqtts", tls.devices);
  listeners_->replace_tls("https", tls.people);
  listeners_->replace_tls("tls", tls.shared);
  security_->note_server_certificate(home());
  return {};
}

void RunningServer::stop() {
  if (std::exchange(state_, State::stopped) != State::running) return;
  ready_ = false;
  const auto log_failure = [](std::string_view what, const Result<void>& result) {
    if (!result) log::error("platform", what, {{"why", result.error().message}});
  };
  log_failure("listeners did not close", wait_for([this](Done done) { listeners_->close(std::move(done)); }));
  home().post([this] { web_->drain(); });
  log_failure("events were not recorded", wait_for([this](Done done) { audit_->flush(std::move(done)); }));
  log_failure("bridges did not stop", wait_for([this](Done done) { bridges_->stop(std::move(done)); }));
  log_failure("the hub did not stop", wait_for([this](Done done) { hub_->stop(home(), std::move(done)); }));
  log_failure("the services did not stop", wait_for([this](Done done) { services_->stop(std::move(done)); }));
  threads_.stop();
  query_threads_.stop();
  backups_->stop();
  // What they finish is posted to reactors that have stopped, and its owners are still there.
  workers_.finish();
  (void)fs_.remove(config_.data_folder + "/server.json");
}

}  // namespace

Result<std::unique_ptr<Server>> Server::open(ServerConfig config, Fs& fs, store::BrokenDisk broken) {
  DUNLIN_CHECK(check(config));
  DUNLIN_TRY(const std::size_t reactors, journal_count(fs, config));
  auto server = std::make_unique<RunningServer>(std::move(config), fs, std::move(broken), reactors);
  DUNLIN_CHECK(server->open());
  return server;
}

}  // namespace dunlin::platform
