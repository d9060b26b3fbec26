// OutQueue: what of it outlives the process.

#include <boost/json.hpp>
#include <utility>

#include "base/log.h"
#include "model/cursors.h"
#include "transport/bridge/limits.h"
#include "transport/bridge/out_queue.h"

namespace dunlin::bridge {
namespace {

const boost::json::array* numbers(const boost::json::value& value, std::size_t count) {
  const auto* row = value.if_array();
  if (row == nullptr || row->size() != count) return nullptr;
  for (const boost::json::value& item : *row) {
    if (!item.is_int64() && !item.is_uint64()) return nullptr;
  }
  return row;
}

template <class T>
T number(const boost::json::value& value) {
  return static_cast<T>(value.to_number<std::uint64_t>());
}

std::unexpected<Error> corrupt(const std::string& bridge) {
  return fail(Errc::corrupt, "the saved place of the bridge " + bridge + " cannot be read");
}

}  // namespace

std::string OutQueue::key() const {
  return std::string(kOutKeyPrefix) + options_.bridge;
}

/// {"version":1, "positions":[[journal, position] ..], "exchanges":[[journal, position, packet id, step]
/// ..]}. Format: docs/formats/keyed.md.
std::string OutQueue::state_text() const {
  boost::json::array positions;
  for (const hub::JournalPosition& at : positions_)
    positions.push_back(boost::json::array{at.journal, at.position});
  boost::json::array exchanges;
  const auto add = [&exchanges](const StoredExchange& exchange) {
    exchanges.push_back(boost::json::array{exchange.at.journal, exchange.at.position, exchange.packet_id,
                                           static_cast<int>(exchange.step)});
  };
  for (const auto& [tag, exchange] : exchanges_) add(exchange);
  for (const auto& [at, exchange] : left_) add(exchange);
  return boost::json::serialize(boost::json::object{
      {"version", 1}, {"positions", std::move(positions)}, {"exchanges", std::move(exchanges)}});
}

Result<void> OutQueue::read_state(const std::string& text) {
  boost::system::error_code error;
  const boost::json::value saved = boost::json::parse(text, error);
  const auto* object = error ? nullptr : saved.if_object();
  const auto* positions = object == nullptr ? nullptr : object->if_contains("positions");
  const auto* exchanges = object == nullptr ? nullptr : object->if_contains("exchanges");
  if (positions == nullptr || !positions->is_array() || exchanges == nullptr || !exchanges->is_array())
    return corrupt(options_.bridge);
  for (const boost::json::value& value : positions->get_array()) {
    const auto* row = numbers(value, 2);
    if (row == nullptr) return corrupt(options_.bridge);
    positions_.push_back({number<std::uint16_t>((*row)[0]), number<std::uint64_t>((*row)[1])});
  }
  for (const boost::json::value& value : exchanges->get_array()) {
    const auto* row = numbers(value, 4);
    if (row == nullptr) return corrupt(options_.bridge);
    StoredExchange exchange;
    exchange.at = {number<std::uint16_t>((*row)[0]), number<std::uint64_t>((*row)[1])};
    exchange.packet_id = number<std::uint16_t>((*row)[2]);
    const auto step = number<unsigned>((*row)[3]);
    if (exchange.packet_id == 0 || step < 1 || step > 3) return corrupt(options_.bridge);
    exchange.step = static_cast<StoredExchange::Step>(step);
    left_.emplace(exchange.at, exchange);
  }
  return {};
}

void OutQueue::assigned(std::uint64_t tag, std::uint16_t packet_id, Task stored) {
  // An entry that was dropped meanwhile, or is in no journal, does not outlive the process anyway.
  const bool kept = tag >= first_number_ && entries_[tag - first_number_].at.position != 0;
  if (!kept) return environment_.executor.post(std::move(stored));
  exchanges_[tag] = {entries_[tag - first_number_].at, packet_id, StoredExchange::Step::assigned};
  unstored_.push_back(std::move(stored));
  changed_ = true;
  save();
}

void OutQueue::received(std::uint64_t tag, std::uint16_t, Task stored) {
  const auto exchange = exchanges_.find(tag);
  if (exchange == exchanges_.end()) return environment_.executor.post(std::move(stored));
  exchange->second.step = StoredExchange::Step::received;
  unstored_.push_back(std::move(stored));
  changed_ = true;
  save();
}

void OutQueue::save_later() {
  if (!changed_ || saving_ == Saving::yes || save_timer_) return;
  save_timer_ = environment_.executor.schedule(kSaveInterval, [this] {
    save_timer_ = {};
    save();
  });
}

/// At most one write is under way; what comes meanwhile goes with the next.
void OutQueue::save() {
  if (saving_ == Saving::yes || !changed_) return;
  saving_ = Saving::yes;
  changed_ = false;
  store::Batch batch;
  batch.puts.push_back({store::Table::meta, key(), state_text()});
  environment_.keyed.write(environment_.executor, std::move(batch),
                           [this, alive = std::weak_ptr<int>(alive_), positions = positions_,
                            stored = std::exchange(unstored_, {})](const Result<void>& written) mutable {
                             if (!alive.expired()) saved(written, std::move(positions), std::move(stored));
                           });
}

void OutQueue::saved(const Result<void>& written, std::vector<hub::JournalPosition> positions,
                     std::vector<Task> stored) {
  saving_ = Saving::no;
  if (written) {
    model::commit(*consumer_, positions);
    const auto alive = std::weak_ptr<int>(alive_);
    for (Task& task : stored) task();
    if (alive.expired()) return;
  } else {
    log::refusal("transport/bridge", "the bridge's place is not stored; trying again", options_.bridge,
                 {{"why", written.error().message}});
    changed_ = true;
    std::move(unstored_.begin(), unstored_.end(), std::back_inserter(stored));
    unstored_ = std::move(stored);
  }
  if (!written || !changed_) {
    for (Done& flushed : std::exchange(flushes_, {})) flushed(written);
  }
  if (written && (!unstored_.empty() || !flushes_.empty())) return save();
  save_later();
}

void OutQueue::flush(Done done) {
  if (saving_ == Saving::no && !changed_) return done({});
  flushes_.push_back(std::move(done));
  save();
}

void OutQueue::forget(Done forgotten) {
  if (consumer_) consumer_->forget();
  store::Batch batch;
  batch.deletes.push_back({store::Table::meta, key()});
  environment_.keyed.write(environment_.executor, std::move(batch), std::move(forgotten));
}

void forget_out_queue(OutEnvironment environment, const std::string& bridge, OutQueue::Done done) {
  hub::ConsumerOptions options;
  options.name = "bridge/" + bridge;
  options.absent = hub::ConsumerOptions::Absent::now;
  const auto consumer = environment.bus.consume(environment.executor, std::move(options),
                                                [](std::vector<hub::Delivery>, Task taken) { taken(); });
  consumer->forget();
  store::Batch batch;
  batch.deletes.push_back({store::Table::meta, std::string(kOutKeyPrefix) + bridge});
  environment.keyed.write(environment.executor, std::move(batch), std::move(done));
}

}  // namespace dunlin::bridge
