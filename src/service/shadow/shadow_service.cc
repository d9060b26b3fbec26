#include "service/shadow/shadow_service.h"

#include <algorithm>
#include <set>

#include "base/log.h"
#include "model/cursors.h"
#include "model/json_fields.h"
#include "model/keys.h"
#include "model/text.h"
#include "service/shadow/limits.h"

namespace dunlin::shadow {
namespace {

constexpr std::string_view kConsumer = "shadow";
constexpr std::string_view kPrefix = "$dunlin/things/";

std::string topic_of(std::string_view thing, std::string_view tail) {
  return std::string(kPrefix) + std::string(thing) + "/shadow/" + std::string(tail);
}

int status_of(Errc code) {
  switch (code) {
    case Errc::conflict:
      return 409;
    case Errc::not_found:
      return 404;
    case Errc::limit_exceeded:
      return 413;
    case Errc::corrupt:
      return 500;
    default:
      return 400;
  }
}

}  // namespace

struct ShadowService::Outcome {
  Result<Document> document = fail(Errc::internal, "not processed");
  std::string client_token;
  enum class Effect { none, changed } effect = Effect::none;
};

/// Requests that share one write. Handed from completion to completion; one owner at a time.
struct ShadowService::Round {
  std::vector<Request> requests;
  std::vector<Outcome> outcomes;
  std::map<std::string, std::optional<Document>> documents;  // by stored key; nullopt: there is none
  std::map<std::string, Error> unreadable;                   // by stored key
  std::vector<std::string> to_load;
  std::vector<hub::JournalPosition> positions;
};

ShadowService::ShadowService(Executor& executor, hub::Bus& bus, store::Keyed& keyed,
                             metrics::Registry& metrics)
    : executor_(executor),
      bus_(bus),
      keyed_(keyed),
      self_(make_service_principal(kConsumer)),
      retry_(executor, metrics, kConsumer),
      updates_(metrics.counter("dunlin_shadow_updates_total", "Shadow updates applied")),
      refused_(metrics.counter("dunlin_shadow_refused_total",
                               "Shadow requests refused (a shadow that is not there is none)")) {}

void ShadowService::start(std::move_only_function<void(Result<void>)> started) {
  model::read_cursors(executor_, keyed_, kConsumer,
                      [this, started = std::move(started)](auto positions) mutable {
                        if (!positions) return started(std::unexpected(positions.error()));
                        consume(*std::move(positions));
                        started({});
                      });
}

void ShadowService::consume(std::vector<hub::JournalPosition> from) {
  hub::ConsumerOptions options;
  options.name = kConsumer;
  options.start = std::move(from);
  options.max_batch = kMaxBatch;
  for (const std::string_view word : {"get", "update", "delete"})
    options.filters.push_back(topic_of("+", word));
  consumer_ =
      bus_.consume(executor_, std::move(options), [this](std::vector<hub::Delivery> batch, Task done) {
        if (batch.empty()) return done();
        for (const hub::Delivery& delivery : batch) enqueue(delivery);
        waiting_.back().batch_done = std::move(done);
        begin_round();
      });
}

void ShadowService::enqueue(const hub::Delivery& delivery) {
  const std::string_view topic = delivery.message.topic.text();
  const std::size_t end = topic.find('/', kPrefix.size());
  const std::string_view word = topic.substr(topic.rfind('/') + 1);
  Request request;
  request.tenant = delivery.message.principal ? delivery.message.principal->tenant : kDefaultTenant;
  request.thing = topic.substr(kPrefix.size(), end - kPrefix.size());
  request.action = word == "get" ? Action::get : word == "update" ? Action::update : Action::remove;
  request.payload = delivery.message.payload.text();
  request.at = delivery.at;
  waiting_.push_back(std::move(request));
}

void ShadowService::begin_round() {
  if (state_ == State::busy || waiting_.empty()) return;
  state_ = State::busy;
  auto round = std::make_shared<Round>();
  while (!waiting_.empty() && round->requests.size() < kMaxBatch) {
    Request& request = waiting_.front();
    std::string key = model::tenant_key(request.tenant, request.thing);
    if (round->documents.emplace(key, std::nullopt).second) round->to_load.push_back(std::move(key));
    if (request.at.position != 0) model::advance(round->positions, request.at);
    round->requests.push_back(std::move(request));
    waiting_.pop_front();
  }
  round->outcomes.resize(round->requests.size());
  load(std::move(round));
}

void ShadowService::load(std::shared_ptr<Round> round) {
  if (round->to_load.empty()) return apply(std::move(round));
  const std::string key = round->to_load.back();
  keyed_.get(
      executor_, store::Table::shadow, key, [this, round, key](Result<std::optional<std::string>> found) {
        auto document = found && *found ? Document::from_stored(**found) : Result<Document>(Document{});
        if (!found && found.error().code != Errc::corrupt) {
          return retry_.later("a shadow cannot be read", key.substr(4), found.error(),
                              [this, round] { load(round); });
        }
        // A damaged document must not hold up the other things.
        if (!found) round->unreadable.emplace(key, found.error());
        if (!document) round->unreadable.emplace(key, document.error());
        if (found && *found && document) round->documents[key] = *std::move(document);
        round->to_load.pop_back();
        load(round);
      });
}

void ShadowService::apply(std::shared_ptr<Round> round) {
  for (std::size_t i = 0; i < round->requests.size(); ++i) apply_one(*round, i);
  save(std::move(round));
}

void ShadowService::apply_one(Round& round, std::size_t index) {
  const Request& request = round.requests[index];
  Outcome& outcome = round.outcomes[index];
  const std::string key = model::tenant_key(request.tenant, request.thing);
  outcome.client_token = client_token_of(request.payload);
  if (auto named = model::check_thing_name(request.thing); !named) {
    outcome.document = std::unexpected(named.error());
    return;
  }
  if (const auto damaged = round.unreadable.find(key); damaged != round.unreadable.end()) {
    outcome.document = std::unexpected(damaged->second);
    return;
  }
  auto& stored = round.documents.at(key);
  const bool has_state = stored && !(stored->desired().empty() && stored->reported().empty());
  if (request.action != Action::update) {
    if (!has_state) {
      outcome.document = fail(Errc::not_found, "the thing \"" + request.thing + "\" has no shadow yet");
      return;
    }
    outcome.document = *stored;
    if (request.action == Action::get) return;
    stored = Document::deleted(stored->version());
    outcome.effect = Outcome::Effect::changed;
    return;
  }
  auto update = parse_update(request.payload);
  if (!update) {
    outcome.document = std::unexpected(update.error());
    return;
  }
  Document next = stored.value_or(Document{});
  const std::int64_t seconds = unix_nanoseconds(executor_.wall_now()) / 1'000'000'000;
  if (auto applied = next.apply(*update, seconds); !applied) {
    outcome.document = std::unexpected(applied.error());
    return;
  }
  stored = next;
  outcome.document = std::move(next);
  outcome.effect = Outcome::Effect::changed;
}

void ShadowService::save(std::shared_ptr<Round> round) {
  store::Batch batch;
  std::set<std::string> changed;
  for (std::size_t i = 0; i < round->requests.size(); ++i) {
    if (round->outcomes[i].effect == Outcome::Effect::none) continue;
    changed.insert(model::tenant_key(round->requests[i].tenant, round->requests[i].thing));
  }
  for (const std::string& key : changed) {
    batch.puts.push_back({store::Table::shadow, key, round->documents.at(key)->to_stored()});
  }
  model::put_cursors(batch, kConsumer, round->positions);
  if (batch.empty()) return finish(*round);
  keyed_.write(executor_, std::move(batch), [this, round](Result<void> written) {
    if (written) return finish(*round);
    retry_.later("shadows are not stored", "store", written.error(), [this, round] { save(round); });
  });
}

void ShadowService::finish(Round& round) {
  for (std::size_t i = 0; i < round.requests.size(); ++i) answer(round.requests[i], round.outcomes[i]);
  if (consumer_) model::commit(*consumer_, round.positions);
  state_ = State::idle;
  for (Request& request : round.requests) {
    if (request.batch_done) request.batch_done();
  }
  begin_round();
}

void ShadowService::answer(Request& request, Outcome& outcome) {
  if (!outcome.document && outcome.document.error().code != Errc::not_found) {
    refused_.add();
    log::refusal("service/shadow", "a shadow request is refused", request.thing,
                 {{"why", outcome.document.error().message}});
  }
  const bool changed = outcome.effect == Outcome::Effect::changed;
  if (changed) updates_.add();
  answer_device(request, outcome);
  if (changed) {
    const Document shown =
        request.action == Action::remove ? Document::deleted(outcome.document->version()) : *outcome.document;
    for (const auto& handler : handlers_) handler(request.tenant, request.thing, shown);
  }
  if (request.done) request.done(std::move(outcome.document));
}

void ShadowService::answer_device(const Request& request, const Outcome& outcome) {
  const std::string_view word = request.action == Action::get      ? "get"
                                : request.action == Action::update ? "update"
                                                                   : "delete";
  const bool asked_by_device = !request.done;
  boost::json::object body;
  if (!outcome.document) {
    if (!asked_by_device) return;
    body = {{"code", status_of(outcome.document.error().code)},
            {"message", outcome.document.error().message}};
    if (!outcome.client_token.empty()) body["clientToken"] = outcome.client_token;
    return publish(request.tenant, topic_of(request.thing, std::string(word) + "/rejected"), body);
  }
  if (asked_by_device) {
    body = outcome.document->to_json();
    if (!outcome.client_token.empty()) body["clientToken"] = outcome.client_token;
    publish(request.tenant, topic_of(request.thing, std::string(word) + "/accepted"), body);
  }
  if (request.action != Action::update) return;
  auto delta = outcome.document->delta();
  if (!delta) return;
  publish(request.tenant, topic_of(request.thing, "update/delta"),
          {{"state", *std::move(delta)},
           {"metadata", outcome.document->delta_metadata()},
           {"version", outcome.document->version()},
           {"timestamp", outcome.document->timestamp()}});
}

void ShadowService::publish(TenantId tenant, std::string topic, const boost::json::object& body) {
  hub::Message message;
  message.topic = Slice::copy_of(topic);
  message.payload = Slice::copy_of(model::json_text(body));
  message.qos = hub::QoS::at_least_once;
  message.principal = in_tenant(self_, tenant);
  message.received_at = executor_.wall_now();
  bus_.publish(executor_, std::move(message), [topic](Result<void> published) {
    if (!published)
      log::refusal("service/shadow", "an answer is not published", topic,
                   {{"why", published.error().message}});
  });
}

void ShadowService::get(TenantId tenant, std::string thing, DocumentDone done) {
  waiting_.push_back({tenant, std::move(thing), Action::get, {}, {}, std::move(done), {}});
  begin_round();
}

void ShadowService::update(TenantId tenant, std::string thing, std::string update_json, DocumentDone done) {
  waiting_.push_back(
      {tenant, std::move(thing), Action::update, std::move(update_json), {}, std::move(done), {}});
  begin_round();
}

void ShadowService::remove(TenantId tenant, std::string thing, DocumentDone done) {
  waiting_.push_back({tenant, std::move(thing), Action::remove, {}, {}, std::move(done), {}});
  begin_round();
}

}  // namespace dunlin::shadow
