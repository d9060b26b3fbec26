#include "service/retention/retention_service.h"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "base/log.h"
#include "model/json_fields.h"
#include "service/series/window.h"
#include "service/settings/settings.h"

namespace dunlin::retention {
namespace {

constexpr std::string_view kSettingPrefix = "retention:";

using model::Field;
using model::FieldType;
using model::Need;

constexpr Field kOnlyRule[] = {{"rule", FieldType::text, Need::required, "the rule's name"}};
constexpr Field kPutRequest[] = {
    {"rule", FieldType::text, Need::required, "the rule's name"},
    {"keep", FieldType::text, Need::required, "how long, such as 90d: what is older is deleted"},
    {"channel", FieldType::text, Need::optional,
     "of this channel; with a * at its end of those that begin so"},
    {"tags", FieldType::object, Need::optional, "of devices that have all these tags or attributes"}};
constexpr Field kRule[] = {{"name", FieldType::text, Need::required, "name"},
                           {"channel", FieldType::text, Need::required, "of this channel; empty: of any"},
                           {"tags", FieldType::object, Need::required, "of devices that have these"},
                           {"keep", FieldType::text, Need::required, "how long"}};
constexpr Field kList[] = {{"rules", FieldType::array, Need::required, "rules, by name"}};
constexpr Errc kPutErrors[] = {Errc::invalid_argument, Errc::limit_exceeded};
constexpr Errc kDeleteErrors[] = {Errc::not_found};

constexpr model::OperationSpec kListAll{"retention.list",
                                        model::Method::get,
                                        "/api/retention",
                                        "List how long measurements are kept.",
                                        "series:read",
                                        {},
                                        kList,
                                        {}};
constexpr model::OperationSpec kPut{"retention.put",
                                    model::Method::put,
                                    "/api/retention/{rule}",
                                    "Make or replace a rule: measurements older than it says are deleted.",
                                    "series:delete",
                                    kPutRequest,
                                    kRule,
                                    kPutErrors,
                                    model::Audited::by_handler};
constexpr model::OperationSpec kDelete{"retention.delete",
                                       model::Method::del,
                                       "/api/retention/{rule}",
                                       "Remove a rule: what it was for is kept.",
                                       "series:delete",
                                       kOnlyRule,
                                       {},
                                       kDeleteErrors,
                                       model::Audited::by_handler};

}  // namespace

/// One way through all series. Handed from completion to completion; one owner at a time.
struct RetentionService::Sweep {
  std::vector<series::SeriesId> series;
  std::size_t next = 0;
  std::vector<series::Deletion> due;
  Rules rules;  // as they were when it began
};

RetentionService::RetentionService(RetentionEnvironment environment)
    : environment_(std::move(environment)),
      deletions_(environment_.metrics.counter("dunlin_retention_deletions_total",
                                              "Times that old measurements of a series were deleted")),
      sweeps_(environment_.metrics.counter("dunlin_retention_sweeps_total", "Ways through all series")) {}

RetentionService::~RetentionService() {
  environment_.executor.cancel(timer_);
}

void RetentionService::start(std::move_only_function<void(Result<void>)> started) {
  load([this, started = std::move(started)](Result<void> loaded) mutable {
    if (loaded) sweep_in(kFirstSweep);
    started(std::move(loaded));
  });
}

void RetentionService::load(std::move_only_function<void(Result<void>)> done) {
  auto each = [this](const store::Document& document) -> Result<void> {
    auto rule = settings::read_as(document, rule_from_json);
    if (rule) {
      rules_.push_back(*std::move(rule));
    } else {
      log::error("service/retention", "a stored rule cannot be read and deletes nothing",
                 {{"rule", document.id}, {"why", rule.error().message}});
    }
    return {};
  };
  settings::for_each(environment_.executor, environment_.repository, kDefaultTenant,
                     std::string(kSettingPrefix), std::move(each), std::move(done));
}

void RetentionService::sweep_in(Duration delay) {
  environment_.executor.cancel(timer_);
  timer_ = environment_.executor.schedule(delay, [this] { sweep(); });
}

void RetentionService::sweep() {
  if (sweeping_ != Sweeping::no) {
    sweeping_ = Sweeping::again;
    return;
  }
  if (rules_.empty()) return sweep_in(kSweepInterval);
  sweeping_ = Sweeping::yes;
  auto way = std::make_shared<Sweep>();
  way->rules = rules_;
  for (const series::SeriesEntry* entry : environment_.store.entries(kDefaultTenant, ""))
    way->series.push_back(entry->info.id);
  environment_.load_tags(kDefaultTenant, [this, way](Result<void> loaded) {
    if (loaded) return look(way);
    log::refusal("service/retention", "what is too old is not looked for", "repository",
                 {{"why", loaded.error().message}});
    sweeping_ = Sweeping::no;
    sweep_in(kSweepRetry);
  });
}

/// Whole windows go, so that no chunk is written anew.
void RetentionService::look(std::shared_ptr<Sweep> way) {
  const WallTime now = environment_.executor.wall_now();
  std::size_t looked = 0;
  while (way->next < way->series.size() && way->due.size() < kDeletionsAtOnce && ++looked <= kSeriesPerTurn) {
    const series::SeriesEntry* entry = environment_.store.entry(way->series[way->next++]);
    if (entry == nullptr) continue;
    const series::SeriesInfo& info = entry->info;
    const Rule* rule = rule_for(way->rules, info.channel, [&](std::string_view name) {
      return environment_.tag(info.tenant, info.device, name);
    });
    if (rule == nullptr) continue;
    const WallTime end = series::window_start(now - rule->keep);
    if (environment_.store.begin_of(*entry) < end) way->due.push_back({info.id, WallTime::min(), end});
  }
  if (!way->due.empty()) return erase(std::move(way));
  if (way->next < way->series.size())
    return environment_.executor.post([this, way = std::move(way)]() mutable { look(std::move(way)); });
  sweeps_.add();
  const bool again = std::exchange(sweeping_, Sweeping::no) == Sweeping::again;
  sweep_in(again ? Duration::zero() : kSweepInterval);
}

void RetentionService::erase(std::shared_ptr<Sweep> way) {
  std::vector<series::Deletion> due = std::exchange(way->due, {});
  const auto count = static_cast<std::int64_t>(due.size());
  environment_.store.erase(std::move(due), [this, way, count](Result<void> erased) mutable {
    if (erased) {
      deletions_.add(count);
      return look(std::move(way));
    }
    log::refusal("service/retention", "what is too old is not deleted yet", "store",
                 {{"why", erased.error().message}});
    sweeping_ = Sweeping::no;
    sweep_in(kSweepRetry);
  });
}

void RetentionService::put(const model::Caller& caller, const boost::json::object& request,
                           model::Reply reply) {
  boost::json::object document = request;
  document["name"] = *model::optional_text(request, "rule");
  auto rule = rule_from_json(document);
  if (!rule) return reply(std::unexpected(rule.error()));
  const bool is_new = std::ranges::find(rules_, rule->name, &Rule::name) == rules_.end();
  if (is_new && rules_.size() >= kMaxRules)
    return reply(fail(Errc::limit_exceeded, "there are " + std::to_string(kMaxRules) + " rules already"));
  auto changes =
      settings::changes_to_put(caller, environment_.executor.wall_now(), kPut.name,
                               {kSettingPrefix, rule->name}, boost::json::serialize(to_json(*rule)));
  environment_.repository.write(
      environment_.executor, std::move(changes),
      [this, rule = *std::move(rule), reply = std::move(reply)](auto written) mutable {
        if (!written) return reply(std::unexpected(written.error()));
        const auto at = std::ranges::lower_bound(rules_, rule.name, {}, &Rule::name);
        if (at != rules_.end() && at->name == rule.name) {
          *at = rule;
        } else {
          rules_.insert(at, rule);
        }
        sweep_in(kFirstSweep);  // there is time to think again
        reply(to_json(rule));
      });
}

void RetentionService::remove(const model::Caller& caller, const std::string& name, model::Reply reply) {
  if (std::ranges::find(rules_, name, &Rule::name) == rules_.end())
    return reply(fail(Errc::not_found, "there is no rule named \"" + name + "\""));
  auto changes = settings::changes_to_remove(caller, environment_.executor.wall_now(), kDelete.name,
                                             {kSettingPrefix, name});
  environment_.repository.write(environment_.executor, std::move(changes),
                                [this, name, reply = std::move(reply)](auto written) mutable {
                                  if (!written) return reply(std::unexpected(written.error()));
                                  std::erase_if(rules_,
                                                [&name](const Rule& rule) { return rule.name == name; });
                                  reply(boost::json::object{});
                                });
}

void RetentionService::declare(model::OperationTable& table) {
  table.add(kListAll, [this](const model::Caller&, boost::json::object, model::Reply reply) {
    boost::json::array rows;
    for (const Rule& rule : rules_) rows.push_back(to_json(rule));
    reply(boost::json::value{{"rules", std::move(rows)}});
  });
  table.add(kPut, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    put(caller, request, std::move(reply));
  });
  table.add(kDelete, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    remove(caller, *model::optional_text(request, "rule"), std::move(reply));
  });
}

std::vector<model::OperationSpec> operations() {
  return {kListAll, kPut, kDelete};
}

}  // namespace dunlin::retention
