#include "platform_process.h"

#include "devices.h"
#include "store/reference_keyed.h"
#include "store/reference_repository.h"
#include "store/repository_cache.h"

namespace dunlin::sim {
namespace {

constexpr std::uint64_t kSegmentBytes = 64 * 1024;  // small, so that segments come and go
constexpr std::uint64_t kWitnessedAgain = 50;       // positions that the witness reads again after a restart
constexpr Duration kStopPatience = std::chrono::seconds{20};

hub::Authenticator trusting_authenticator() {
  return [](hub::Credentials credentials, hub::Authenticated done) {
    auto principal = std::make_shared<Principal>();
    principal->name = credentials.client_id;
    principal->client_id = credentials.client_id;
    principal->kind =
        credentials.client_id.starts_with("gateway") ? PrincipalKind::gateway : PrincipalKind::device;
    done(principal);
  };
}

}  // namespace

PlatformProcess::PlatformProcess(Setup setup) : setup_(setup), init_(setup.scheduler) {}

PlatformProcess::~PlatformProcess() {
  end();
}

void PlatformProcess::start(std::function<void()> up) {
  up_ = std::move(up);
  ++lives_;
  life_ = std::make_unique<Life>(setup_.rng.next());
  if (auto opened = open(); !opened) return try_again(opened.error().message);
  life_->hub->start(*life_->executors[0], [this](Result<void> result) { began(std::move(result)); });
}

Result<void> PlatformProcess::open() {
  Life& life = *life_;
  for (std::size_t i = 0; i < setup_.shards; ++i)
    life.executors.push_back(std::make_unique<VirtualExecutor>(setup_.scheduler));
  life.disk_executor = std::make_unique<VirtualExecutor>(setup_.scheduler);
  life.workers = std::make_unique<SlowDisk>(*life.disk_executor, life.rng);
  hub::HubEnvironment environment{.shards = {}, .metrics = life.metrics, .rng = life.rng};
  for (std::size_t i = 0; i < setup_.shards; ++i) {
    store::LogOptions options;
    options.folder = "/data/journal/" + std::to_string(i);
    options.segment_bytes = kSegmentBytes;
    DUNLIN_CHECK(disk_.create_folders(options.folder));
    DUNLIN_TRY(auto log, store::open_log({disk_, *life.executors[i], *life.workers, life.metrics}, options));
    life.logs.push_back(std::move(log));
    environment.shards.push_back({*life.executors[i], life.logs.back().get()});
  }
  store::LogOptions samples;
  samples.folder = "/data/samples";
  samples.segment_bytes = kSegmentBytes;
  DUNLIN_CHECK(disk_.create_folders(samples.folder));
  DUNLIN_TRY(life.samples,
             store::open_log({disk_, *life.executors[0], *life.workers, life.metrics}, samples));
  DUNLIN_CHECK(disk_.create_folders("/data/keyed"));
  DUNLIN_CHECK(disk_.create_folders("/data/records"));
  DUNLIN_TRY(life.keyed, store::open_reference_keyed(disk_, *life.workers, "/data/keyed"));
  DUNLIN_TRY(auto records, store::open_reference_repository(disk_, *life.workers, "/data/records"));
  life.repository = store::cache_repository(std::move(records));
  environment.keyed = life.keyed.get();
  life.hub = std::make_unique<hub::Hub>(std::move(environment));
  setup_.bus.set_hub(life.hub.get());
  const hub::Authorizer authorize = [](const Principal&, hub::Action, std::string_view) {
    return Result<void>{};
  };
  life.server = std::make_unique<transport::MqttServer>(transport::ServerEnvironment{
      *life.hub, trusting_authenticator(), authorize, life.metrics, life.rng, {}});
  life.services =
      std::make_unique<platform::Services>(platform::ServicesEnvironment{*life.executors[0],
                                                                         setup_.bus,
                                                                         *life.keyed,
                                                                         *life.samples,
                                                                         *life.repository,
                                                                         life.metrics,
                                                                         model::Mapping::standard(),
                                                                         {}});
  return {};
}

void PlatformProcess::began(Result<void> result) {
  if (!result) return try_again(result.error().message);
  watch_shadows();
  life_->services->start([this](Result<void> started) {
    if (!started) return try_again(started.error().message);
    serve();
  });
}

void PlatformProcess::serve() {
  watch_journal();
  for (const auto& executor : life_->executors) {
    auto listener = setup_.network.host(kPlatformHost)
                        .listen(*executor, {.endpoint = {kPlatformHost, kMqttPort}, .tls = {}},
                                [server = life_->server.get()](std::unique_ptr<net::Connection> connection) {
                                  server->accept(std::move(connection));
                                });
    if (!listener) return try_again(listener.error().message);
    life_->listeners.push_back(std::move(*listener));
  }
  serving_ = true;
  if (up_) up_();
}

void PlatformProcess::watch_shadows() {
  life_->services->shadow().on_change(
      [this](TenantId, const std::string& thing, const shadow::Document& document) {
        const auto found = setup_.history.shadows.find(thing);
        if (found != setup_.history.shadows.end()) found->second.versions.push_back(document.version());
      });
}

/// The witness begins a little before where it was, to see that the journal still holds the same.
void PlatformProcess::watch_journal() {
  hub::ConsumerOptions options;
  options.name = "witness";
  options.filters = {"#"};
  for (const auto& [journal, position] : witnessed_to_)
    options.start.push_back({journal, position - std::min(position, kWitnessedAgain)});
  life_->witness = setup_.bus.consume(*life_->executors[0], std::move(options),
                                      [this](std::vector<hub::Delivery> batch, Task done) {
                                        for (const hub::Delivery& delivery : batch) witness(delivery);
                                        done();
                                      });
}

void PlatformProcess::witness(const hub::Delivery& delivery) {
  const std::string topic(delivery.message.topic.text());
  const auto [journal, position] = delivery.at;
  if (position == 0) return;
  auto& to = witnessed_to_[journal];
  to = std::max(to, position);
  if (!life_->witnessed.emplace(journal, position).second)
    setup_.history.broken.push_back("consumed_once: position " + std::to_string(position) + " of journal " +
                                    std::to_string(journal) + " came twice to one consumer");
  if (to > kWitnessedAgain) life_->witness->commit({journal, to - kWitnessedAgain});
  // demo/{site}/sensor/{device}/{channel}
  const std::size_t device = topic.find("/sensor/");
  if (!topic.starts_with("demo/") || device == std::string::npos) return;
  const auto stream = setup_.history.streams.find(topic.substr(device + 8));
  if (stream == setup_.history.streams.end()) return;
  stream->second.journal.push_back({journal, position, sequence_of(delivery.message.payload.text())});
}

void PlatformProcess::try_again(const std::string& why) {
  setup_.history.note(why.size());
  retry_ = init_.schedule(std::chrono::seconds{1}, [this] {
    end();
    start(std::move(up_));
  });
}

void PlatformProcess::crash(Crash how) {
  init_.cancel(retry_);
  init_.cancel(stop_timer_);
  if (how == Crash::power_mid_call) {
    disk_.stop_at_call(1 + setup_.rng.below(6));
    stop_timer_ =
        init_.schedule(std::chrono::milliseconds{setup_.rng.below(50)}, [this] { crash(Crash::power_cut); });
    return;
  }
  setup_.network.crash(kPlatformHost);
  if (how == Crash::kill) {
    disk_.kill_process();
  } else {
    disk_.cut_power(setup_.rng);
  }
  end();
}

void PlatformProcess::stop(std::function<void()> down) {
  auto finish = std::make_shared<std::function<void()>>();  // shared: by the orderly end and its deadline
  *finish = [this, down = std::move(down)] {
    init_.cancel(stop_timer_);
    setup_.network.crash(kPlatformHost);
    disk_.kill_process();
    end();
    down();
  };
  serving_ = false;
  stop_timer_ = init_.schedule(kStopPatience, [finish] {
    auto act = std::move(*finish);
    act();
  });
  life_->listeners.clear();
  life_->services->stop([this, finish](Result<void>) {
    life_->hub->stop(*life_->executors[0], [this, finish](Result<void>) {
      // Not from inside the hub: it is about to be destroyed.
      init_.post([finish] {
        if (!*finish) return;
        auto act = std::move(*finish);
        act();
      });
    });
  });
}

void PlatformProcess::end() {
  serving_ = false;
  if (!life_) return;
  setup_.bus.set_hub(nullptr);
  Life& life = *life_;
  life.witness.reset();
  life.services.reset();
  life.listeners.clear();
  life.server.reset();
  life.hub.reset();
  life.logs.clear();
  life.samples.reset();
  life.keyed.reset();
  life.repository.reset();
  life.workers.reset();
  life.disk_executor.reset();
  life.executors.clear();
  life_.reset();
}

}  // namespace dunlin::sim
