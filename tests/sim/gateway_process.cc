#include "gateway_process.h"

#include "security/crypto.h"
#include "store/reference_keyed.h"
#include "store/reference_repository.h"

namespace dunlin::sim {

GatewayProcess::~GatewayProcess() {
  end();
}

void GatewayProcess::add_device(const std::string& name) {
  devices_.push_back(name);
}

void GatewayProcess::start() {
  life_ = std::make_unique<Life>(setup_.scheduler, setup_.rng.next());
  if (!open()) return try_again();
  life_->gateway->start([this](Result<void> result) {
    if (!result) return try_again();
    serving_ = true;
  });
}

edge::GatewayConfig GatewayProcess::config() const {
  edge::GatewayConfig config;
  config.name = "gateway1";
  config.data_folder = "/data";
  config.uplink_endpoint = std::string(kPlatformHost) + ":" + std::to_string(kMqttPort);
  config.uplink_ca_file = config.uplink_certificate_file = config.uplink_key_file =
      "not read: the line is plain";
  config.uplink_keep_alive = std::chrono::seconds{10};
  for (const std::string& name : devices_)
    config.devices.push_back({name, security::sha256_hex(as_bytes(std::string_view(kGatewayToken))), {}});
  return config;
}

Result<void> GatewayProcess::open() {
  Life& life = *life_;
  DUNLIN_CHECK(disk_.create_folders("/data/keyed"));
  DUNLIN_CHECK(disk_.create_folders("/data/records"));
  DUNLIN_TRY(life.keyed, store::open_reference_keyed(disk_, life.workers, "/data/keyed"));
  DUNLIN_TRY(life.repository, store::open_reference_repository(disk_, life.workers, "/data/records"));
  DUNLIN_TRY(life.gateway,
             edge::Gateway::open({setup_.network.host(kGatewayHost), life.executor, life.workers, disk_,
                                  *life.keyed, *life.repository, life.metrics, life.rng, nullptr, nullptr},
                                 config()));
  return {};
}

void GatewayProcess::try_again() {
  retry_ = init_.schedule(std::chrono::seconds{1}, [this] {
    end();
    start();
  });
}

void GatewayProcess::crash(Crash how) {
  init_.cancel(retry_);
  setup_.network.crash(kGatewayHost);
  if (how == Crash::kill) {
    disk_.kill_process();
  } else {
    disk_.cut_power(setup_.rng);
  }
  end();
}

bool GatewayProcess::at_rest() const {
  if (!serving_) return false;
  const forward::ForwardStatus status = life_->gateway->status().forward;
  return status.waiting_records == 0 && status.in_flight == 0;
}

void GatewayProcess::end() {
  serving_ = false;
  if (!life_) return;
  life_->gateway.reset();
  life_->keyed.reset();
  life_->repository.reset();
  life_.reset();
}

}  // namespace dunlin::sim
