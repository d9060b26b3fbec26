#include "service/rules/rules_service.h"

#include <algorithm>
#include <boost/json.hpp>
#include <iterator>

#include "base/log.h"
#include "hub/topic.h"
#include "model/cursors.h"
#include "model/hops.h"
#include "model/keys.h"
#include "model/text.h"
#include "service/rules/limits.h"

namespace dunlin::rules {
namespace {

constexpr std::string_view kConsumer = "rules";

}  // namespace

/// One batch of messages on its way through the rules. Handed from completion to completion; one owner at a
/// time.
struct RulesService::Round {
  std::vector<alarm::Finding> findings;
  std::vector<hub::JournalPosition> positions;
  alarm::AlarmService::Prepared prepared;
  std::vector<hub::Message> outgoing;  // not taken by the hub yet
  std::size_t unanswered = 0;
  int tries = 0;
  Task done;
};

RulesService::RulesService(RulesEnvironment environment)
    : environment_(std::move(environment)),
      self_(make_service_principal(kConsumer)),
      retry_(environment_.executor, environment_.metrics, kConsumer),
      evaluated_(environment_.metrics.counter("dunlin_rules_evaluated_total",
                                              "Messages that a rule's filter matched")),
      matched_(environment_.metrics.counter("dunlin_rules_matched_total",
                                            "Messages for which a rule's WHERE held")),
      republished_(
          environment.metrics.counter("dunlin_rules_republished_total", "Messages published by rules")),
      stopped_(environment_.metrics.counter("dunlin_rules_chains_stopped_total",
                                            "Messages of rules that had passed too many rules")),
      failed_(environment_.metrics.counter(
          "dunlin_rules_actions_failed_total",
          "Actions without effect: a topic or thing that cannot be, or the hub took nothing")),
      muted_(environment_.metrics.counter("dunlin_rules_muted_total",
                                          "Messages passed over: their thing is in maintenance")),
      not_found_(environment_.metrics.counter(
          "dunlin_rules_not_found_total", "Messages that name a rule which is not there, or does not run")) {}

void RulesService::start(std::move_only_function<void(Result<void>)> started) {
  load({}, [this, started = std::move(started)](Result<void> loaded) mutable {
    if (!loaded) return started(std::move(loaded));
    model::read_cursors(environment_.executor, environment_.keyed, kConsumer,
                        [this, started = std::move(started)](auto positions) mutable {
                          if (!positions) return started(std::unexpected(positions.error()));
                          consume(*std::move(positions));
                          started({});
                        });
  });
}

void RulesService::load(std::string after, std::move_only_function<void(Result<void>)> started) {
  store::Query query;
  query.kind = store::DocumentKind::rule;
  query.tenant = kDefaultTenant.value;
  query.after_id = std::move(after);
  query.limit = 1000;
  environment_.repository.find(
      environment_.executor, std::move(query),
      [this, started = std::move(started)](Result<std::vector<store::Document>> found) mutable {
        if (!found) return started(std::unexpected(found.error()));
        for (const store::Document& document : *found) {
          boost::system::error_code error;
          const auto body = boost::json::parse(document.body, error);
          auto rule = !error && body.is_object() ? rule_from_json(body.get_object(), language_)
                                                 : Result<Rule>(fail(Errc::corrupt, "not JSON"));
          if (!rule) {
            log::error("service/rules", "a stored rule cannot be read and does not run",
                       {{"rule", document.id}, {"why", rule.error().message}});
            continue;
          }
          rule->version = document.version;
          std::string key = model::tenant_key(kDefaultTenant, rule->name);
          rules_.insert_or_assign(std::move(key), *std::move(rule));
          forget_index();
        }
        if (found->empty()) return started({});
        load(found->back().id, std::move(started));
      });
}

void RulesService::consume(std::vector<hub::JournalPosition> from) {
  positions_ = from;
  hub::ConsumerOptions options;
  options.name = kConsumer;
  // Everything, so that a rule that is put needs no new consumer; each message is matched against the rules'
  // own filters.
  options.filters = {"#", "$dunlin/#", std::string(kBasicIngestPrefix) + "#"};
  options.start = std::move(from);
  options.max_batch = kMaxBatch;
  options.listens = hub::ConsumerOptions::Listens::no;  // rules that act on samples say so by follows()
  consumer_ = environment_.bus.consume(
      environment_.executor, std::move(options),
      [this](std::vector<hub::Delivery> batch, Task done) { take(std::move(batch), std::move(done)); });
}

void RulesService::take(std::vector<hub::Delivery> batch, Task done) {
  auto round = std::make_shared<Round>();
  round->done = std::move(done);
  for (const hub::Delivery& delivery : batch) {
    run_rules(delivery, *round);
    if (delivery.at.position != 0) model::advance(round->positions, delivery.at);
  }
  round->prepared = environment_.alarms.prepare(round->findings);
  publish(std::move(round));
}

void RulesService::run_rules(const hub::Delivery& delivery, Round& round) {
  const hub::Message& message = delivery.message;
  if (environment_.muted && environment_.muted(message)) return muted_.add();
  if (const auto ingest = basic_ingest_of(message.topic.text())) return run_named(*ingest, message, round);
  machine_.begin(context_of(message));
  const RuleIndex::Found found = index().find(machine_);
  evaluated_.add(static_cast<std::int64_t>(found.followers));
  const std::string of_tenant = model::big_endian_32(machine_.context().tenant.value);
  for (const std::uint32_t number : found.rules) {
    const auto& [key, rule] = *indexed_[number];
    if (key.starts_with(of_tenant)) run_rule(rule, message, round);
  }
}

void RulesService::run_named(const BasicIngest& ingest, const hub::Message& message, Round& round) {
  Context context = context_of(message);
  context.topic = ingest.topic;
  const auto found = rules_.find(model::tenant_key(context.tenant, std::string(ingest.rule)));
  if (found == rules_.end() || found->second.state == Rule::State::disabled) {
    not_found_.add();
    log::refusal("service/rules", "a message names a rule that is not there, or does not run", ingest.rule);
    return;
  }
  machine_.begin(context);
  evaluated_.add();
  run_rule(found->second, message, round);
}

void RulesService::run_rule(const Rule& rule, const hub::Message& message, Round& round) {
  const bool holds = rule.statement.matches(machine_);
  if (holds) matched_.add();
  if (machine_.stopped()) {
    failed_.add();
    log::refusal("service/rules", "a statement needs more steps or memory than one may have", rule.name);
    return;
  }
  for (const Action& action : rule.actions) {
    if (const auto* republish = std::get_if<RepublishAction>(&action)) {
      if (holds) make_message(*republish, rule, message, round);
    } else {
      find(std::get<AlarmAction>(action), rule, holds ? Where::holds : Where::does_not, message, round);
    }
  }
}

void RulesService::forget_index() {
  asked_below_.reset();
  index_.reset();
}

RuleIndex& RulesService::index() {
  if (index_) return *index_;
  index_.emplace();
  indexed_.clear();
  for (auto entry = rules_.cbegin(); entry != rules_.cend(); ++entry) {
    const Rule& rule = entry->second;
    if (rule.state == Rule::State::disabled || rule.statement.filter().empty()) continue;
    const bool clears = std::ranges::any_of(rule.actions, [](const Action& action) {
      const auto* alarm = std::get_if<AlarmAction>(&action);
      return alarm != nullptr && alarm->clear_when;
    });
    index_->add(rule.statement, clears ? RuleIndex::Sees::everything : RuleIndex::Sees::matches);
    indexed_.push_back(entry);
  }
  return *index_;
}

bool RulesService::follows(TenantId tenant, std::string_view topic) const {
  const std::string of_tenant = model::tenant_key(tenant, "");
  return std::ranges::any_of(rules_, [&](const auto& entry) {
    const Rule& rule = entry.second;
    return entry.first.starts_with(of_tenant) && rule.state == Rule::State::enabled &&
           !rule.statement.filter().empty() && hub::filter_matches(rule.statement.filter(), topic);
  });
}

bool RulesService::follows_below(std::string_view prefix) const {
  if (asked_below_ && asked_below_->first == prefix) return asked_below_->second;
  const bool found = std::ranges::any_of(rules_, [prefix](const auto& entry) {
    const Rule& rule = entry.second;
    // Up to its first wildcard, which the prefix may go beyond.
    std::string_view fixed = rule.statement.filter();
    fixed = fixed.substr(0, fixed.find_first_of("+#"));
    return rule.state == Rule::State::enabled && !rule.statement.filter().empty() &&
           (fixed.starts_with(prefix) || prefix.starts_with(fixed)) &&
           (!fixed.empty() || !prefix.starts_with('$'));
  });
  asked_below_.emplace(prefix, found);
  return found;
}

bool RulesService::may_go_on(const hub::Message& cause, const Rule& rule) {
  if (model::hops_of(cause) < kMaxHops) return true;
  stopped_.add();
  log::refusal("service/rules", "a chain of rules is stopped: does a rule feed itself?", rule.name);
  return false;
}

void RulesService::find(const AlarmAction& action, const Rule& rule, Where where, const hub::Message& message,
                        Round& round) {
  const bool holds = where == Where::holds;
  const bool clears = !holds && action.clear_when && action.clear_when->holds(machine_);
  if ((!holds && !clears) || !may_go_on(message, rule)) return;
  alarm::Finding finding;
  finding.tenant = message.principal ? message.principal->tenant : kDefaultTenant;
  finding.name = action.name;
  finding.thing = action.thing.render(machine_);
  if (finding.thing.size() > alarm::kMaxThingBytes ||
      finding.thing.find_first_of(std::string_view("/+#\0", 4)) != std::string::npos) {
    failed_.add();
    log::refusal("service/rules", "an alarm's thing is no level of a topic", rule.name);
    return;
  }
  finding.rule = rule.name;
  finding.severity = action.severity;
  finding.message = action.message.render(machine_);
  finding.at = message.received_at;
  finding.hops = model::hops_of(message);
  finding.causes = {alarm::cause_of(message)};
  finding.kind = holds ? alarm::Finding::Kind::raise : alarm::Finding::Kind::clear;
  round.findings.push_back(std::move(finding));
}

void RulesService::make_message(const RepublishAction& action, const Rule& rule, const hub::Message& cause,
                                Round& round) {
  if (!may_go_on(cause, rule)) return;
  hub::Message message;
  if (rule.statement.passes_payload()) {
    message.payload = cause.payload;
  } else {
    output_.clear();
    if (auto made = append_output(rule.statement.select(machine_), output_); !made || machine_.stopped()) {
      failed_.add();
      log::refusal("service/rules", "a rule makes more than it may", rule.name);
      return;
    }
    message.payload = Slice::copy_of(output_);
  }
  message.topic = Slice::copy_of(action.topic.render(machine_));
  if (auto checked = hub::check_topic(message.topic.text()); !checked) {
    failed_.add();
    log::refusal("service/rules", "a rule made a topic that nobody can publish to", rule.name,
                 {{"why", checked.error().message}});
    return;
  }
  message.qos = action.qos;
  message.retain = action.retain;
  message.principal = self_;
  message.received_at = environment_.executor.wall_now();
  model::set_hops(message, model::hops_of(cause) + 1);
  round.outgoing.push_back(std::move(message));
}

// The position in the journal is stored only when the hub has taken (and for QoS 1 and 2 committed) what the
// rules made.
void RulesService::publish(std::shared_ptr<Round> round) {
  if (round->outgoing.empty()) return save(std::move(round));
  std::vector<hub::Message> messages = std::exchange(round->outgoing, {});
  round->unanswered = messages.size();
  for (hub::Message& message : messages) {
    auto answered = [this, round, message](Result<void> taken) mutable {
      if (taken) {
        republished_.add();
      } else if (taken.error().code == Errc::unavailable) {
        round->outgoing.push_back(std::move(message));
      } else {
        failed_.add();
        log::refusal("service/rules", "a rule's message is not published", message.topic.text(),
                     {{"why", taken.error().message}});
      }
      if (--round->unanswered == 0) answered_all(round);
    };
    environment_.bus.publish(environment_.executor, std::move(message), std::move(answered));
  }
}

void RulesService::answered_all(const std::shared_ptr<Round>& round) {
  if (round->outgoing.empty()) return save(round);
  // Not for ever: the journal may be full of what waits for the rules.
  if (++round->tries == kMaxPublishTries) {
    failed_.add(static_cast<std::int64_t>(round->outgoing.size()));
    log::error("service/rules", "messages of rules are given up: the journal takes nothing",
               {{"messages", static_cast<std::uint64_t>(round->outgoing.size())}});
    round->outgoing.clear();
    return save(round);
  }
  retry_.later([this, round] { publish(round); });
}

void RulesService::save(std::shared_ptr<Round> round) {
  store::Batch batch;
  batch.puts = round->prepared.puts;
  model::put_cursors(batch, kConsumer, round->positions);
  if (batch.empty()) return finish(*round);
  environment_.keyed.write(environment_.executor, std::move(batch), [this, round](Result<void> written) {
    if (written) return finish(*round);
    retry_.later("alarms are not stored", "store", written.error(), [this, round] { save(round); });
  });
}

void RulesService::finish(Round& round) {
  environment_.alarms.announce(round.prepared);
  model::commit(*consumer_, round.positions);
  round.done();
}

void RulesService::put(TenantId tenant, const boost::json::object& document, RuleDone done,
                       std::vector<store::Change> together) {
  auto rule = rule_from_json(document, language_);
  if (!rule) return done(std::unexpected(rule.error()));
  const std::string key = model::tenant_key(tenant, rule->name);
  if (!rules_.contains(key) && rules_.size() >= kMaxRules)
    return done(fail(Errc::limit_exceeded, "there are 1000 rules already"));
  store::Change change;
  change.kind = store::DocumentKind::rule;
  change.tenant = tenant.value;
  change.document.id = rule->name;
  boost::json::object stored = to_json(*rule);
  stored.erase("version");
  change.document.body = boost::json::serialize(stored);
  std::vector<store::Change> changes{std::move(change)};
  std::ranges::move(together, std::back_inserter(changes));
  environment_.repository.write(
      environment_.executor, std::move(changes),
      [this, key, rule = *std::move(rule), done = std::move(done)](auto written) mutable {
        if (!written) return done(std::unexpected(written.error()));
        rule.version = written->at(0);
        boost::json::object shown = to_json(rule);
        rules_.insert_or_assign(key, std::move(rule));
        forget_index();
        done(std::move(shown));
      });
}

void RulesService::remove(TenantId tenant, const std::string& name, RuleDone done,
                          std::vector<store::Change> together) {
  const std::string key = model::tenant_key(tenant, name);
  if (!rules_.contains(key)) return done(fail(Errc::not_found, "there is no rule named \"" + name + "\""));
  store::Change change;
  change.action = store::Change::Action::remove;
  change.kind = store::DocumentKind::rule;
  change.tenant = tenant.value;
  change.document.id = name;
  std::vector<store::Change> changes{std::move(change)};
  std::ranges::move(together, std::back_inserter(changes));
  environment_.repository.write(environment_.executor, std::move(changes),
                                [this, key, done = std::move(done)](auto written) mutable {
                                  if (!written) return done(std::unexpected(written.error()));
                                  rules_.erase(key);
                                  forget_index();
                                  done(boost::json::object{});
                                });
}

}  // namespace dunlin::rules
