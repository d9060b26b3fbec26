// Gateway: start and end.

#include <algorithm>
#include <array>

#include <boost/json.hpp>

#include "base/log.h"
#include "edge/gateway_parts.h"
#include "service/rules/limits.h"

namespace dunlin::edge {

void ComposedGateway::start(Done done) { run_steps(0, std::move(done)); }

void ComposedGateway::run_steps(std::size_t index, Done done) {
  constexpr std::array<Step, 8> kSteps{
      &ComposedGateway::start_hub,      &ComposedGateway::start_alarms,      &ComposedGateway::drop_old_rules, &ComposedGateway::put_rules,
      &ComposedGateway::start_rules,    &ComposedGateway::start_aggregation, &ComposedGateway::start_forward,  &ComposedGateway::open_doors,
  };
  if (index == kSteps.size()) return done({});
  (this->*kSteps[index])([this, alive = std::weak_ptr<int>(alive_), index, done = std::move(done)](Result<void> result) mutable {
    if (alive.expired()) return;
    if (!result) return done(std::move(result));
    run_steps(index + 1, std::move(done));
  });
}

void ComposedGateway::start_hub(Done done) { hub_.start(environment_.executor, std::move(done)); }
void ComposedGateway::start_alarms(Done done) { alarms_.start(std::move(done)); }
void ComposedGateway::start_rules(Done done) { rules_.start(std::move(done)); }

/// The configuration is the truth: a rule that it no longer names must not run once more.
void ComposedGateway::drop_old_rules(Done done) {
  store::Query query;
  query.kind = store::DocumentKind::rule;
  query.limit = rules::kMaxRules;
  environment_.repository.find(
      environment_.executor, std::move(query),
      [this, alive = std::weak_ptr<int>(alive_), done = std::move(done)](Result<std::vector<store::Document>> found) mutable {
        if (alive.expired()) return;
        if (!found) return done(std::unexpected(found.error()));
        std::vector<store::Change> changes;
        for (const store::Document& document : *found) {
          if (std::ranges::find(config_.rules, document.id, &LocalRule::name) != config_.rules.end()) continue;
          store::Change change;
          change.action = store::Change::Action::remove;
          change.kind = store::DocumentKind::rule;
          change.document.id = document.id;
          changes.push_back(std::move(change));
        }
        if (changes.empty()) return done({});
        environment_.repository.write(environment_.executor, std::move(changes), [done = std::move(done)](auto written) mutable {
          if (!written) return done(std::unexpected(written.error()));
          done({});
        });
      });
}

void ComposedGateway::put_rules(Done done) { put_rule(0, std::move(done)); }

/// Before the rules service takes up the journal, so that what waits there meets the rules of now.
void ComposedGateway::put_rule(std::size_t index, Done done) {
  if (index == config_.rules.size()) return done({});
  auto document = rule_document(config_.rules[index]);
  if (!document) return done(std::unexpected(document.error()));
  rules_.put(kDefaultTenant, *document, [this, alive = std::weak_ptr<int>(alive_), index, done = std::move(done)](auto stored) mutable {
    if (alive.expired()) return;
    if (!stored) return done(std::unexpected(stored.error()));
    put_rule(index + 1, std::move(done));
  });
}

void ComposedGateway::start_aggregation(Done done) {
  if (!aggregation_) return done({});
  aggregation_->start(std::move(done));
}

void ComposedGateway::start_forward(Done done) {
  if (!forward_) return done({});
  forward_->start(std::move(done));
}

Result<void> ComposedGateway::listen(const std::string& endpoint, std::shared_ptr<net::TlsServerContext> tls) {
  if (endpoint.empty()) return {};
  net::ListenOptions options;
  DUNLIN_TRY(options.endpoint, net::parse_endpoint(endpoint));
  options.tls = std::move(tls);
  DUNLIN_TRY(auto listener, environment_.network.listen(environment_.executor, std::move(options),
                                                        [this](std::unique_ptr<net::Connection> connection) {
                                                          server_->accept(std::move(connection));
                                                        }));
  listeners_.push_back(std::move(listener));
  return {};
}

void ComposedGateway::open_doors(Done done) {
  if (auto opened = listen(config_.listen_mqtt, nullptr); !opened) return done(std::move(opened));
  if (!config_.listen_mqtts.empty() && !environment_.listen_tls) {
    return done(fail(Errc::invalid_argument, "listen.mqtts has no certificate"));
  }
  if (auto opened = listen(config_.listen_mqtts, environment_.listen_tls); !opened) return done(std::move(opened));
  if (uplink_) uplink_->start();
  done({});
}

void ComposedGateway::stop(Done done) {
  listeners_.clear();
  if (uplink_) uplink_->stop();
  auto end_hub = [this, alive = std::weak_ptr<int>(alive_), done = std::move(done)](Result<void> saved) mutable {
    if (alive.expired()) return;
    if (!saved) log::warning("edge", "the cursor is not saved: some messages will go up again", {{"why", saved.error().message}});
    hub_.stop(environment_.executor, std::move(done));
  };
  if (!forward_) return end_hub({});
  forward_->flush(std::move(end_hub));
}

}  // namespace dunlin::edge
