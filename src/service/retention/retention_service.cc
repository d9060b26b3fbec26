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
    {"keep", FieldType::text, Need::optional,
     "how long points are kept, such as 90d: what is older is deleted (for ever)"},
    {"keep_minutes", FieldType::text, Need::optional,
     "make rollups of a minute, and keep them so long, such as 1000d"},
    {"keep_hours", FieldType::text, Need::optional, "likewise of an hour"},
    {"keep_days", FieldType::text, Need::optional, "likewise of a day"},
    {"channel", FieldType::text, Need::optional,
     "of this channel; with a * at its end of those that begin so"},
    {"tags", FieldType::object, Need::optional, "of devices that have all these tags or attributes"}};
constexpr Field kRule[] = {
    {"name", FieldType::text, Need::required, "name"},
    {"channel", FieldType::text, Need::required, "of this channel; empty: of any"},
    {"tags", FieldType::object, Need::required, "of devices that have these"},
    {"keep", FieldType::text, Need::optional, "how long points are kept"},
    {"keep_minutes", FieldType::text, Need::optional, "how long rollups are, of a minute"},
    {"keep_hours", FieldType::text, Need::optional, "of an hour"},
    {"keep_days", FieldType::text, Need::optional, "of a day"}};
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
constexpr model::OperationSpec kPut{
    "retention.put",
    model::Method::put,
    "/api/retention/{rule}",
    "Make or replace a rule: how long measurements, and rollups of them, are kept.",
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
constexpr model::OperationSpec kApply{
    "retention.apply",
    model::Method::post,
    "/api/retention",
    "Begin to make rollups, and to delete what is kept no longer, now rather than within the hour.",
    "series:delete",
    {},
    {},
    {}};

}  // namespace

/// One way through all series of all tenants. Handed from completion to completion; one owner at a time.
struct RetentionService::Sweep {
  std::vector<TenantId> tenants;  // to come, the next one last
  std::vector<series::SeriesId> series;
  std::size_t next = 0;
  std::vector<series::Deletion> due;
  std::vector<series::RollupOrder> orders;
  Rules rules;  // of the tenant, as they were when it began
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
  with_rules(kDefaultTenant, [this, started = std::move(started)](Result<void> loaded) mutable {
    if (loaded) sweep_in(kFirstSweep);
    started(std::move(loaded));
  });
}

/// Errors: those of the repository.
void RetentionService::with_rules(TenantId tenant, Done done) {
  Tenant& of = tenants_[tenant];
  if (of.state == Tenant::State::known) return done({});
  of.waiting.push_back(std::move(done));
  if (std::exchange(of.state, Tenant::State::loading) == Tenant::State::unknown) load(tenant);
}

void RetentionService::load(TenantId tenant) {
  auto each = [&rules = tenants_[tenant].rules](const store::Document& document) -> Result<void> {
    auto rule = settings::read_as(document, rule_from_json);
    if (rule) {
      rules.push_back(*std::move(rule));
    } else {
      log::error("service/retention", "a stored rule cannot be read and deletes nothing",
                 {{"rule", document.id}, {"why", rule.error().message}});
    }
    return {};
  };
  settings::for_each(environment_.executor, environment_.repository, tenant, std::string(kSettingPrefix),
                     std::move(each), [this, tenant](const Result<void>& result) { loaded(tenant, result); });
}

void RetentionService::loaded(TenantId tenant, const Result<void>& result) {
  Tenant& of = tenants_[tenant];
  of.state = result ? Tenant::State::known : Tenant::State::unknown;
  if (!result) of.rules.clear();
  for (Done& done : std::exchange(of.waiting, {})) done(result);
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
  sweeping_ = Sweeping::yes;
  auto way = std::make_shared<Sweep>();
  way->tenants = environment_.store.tenants();
  std::ranges::reverse(way->tenants);
  begin_tenant(std::move(way));
}

void RetentionService::begin_tenant(std::shared_ptr<Sweep> way) {
  if (way->tenants.empty()) return end_sweep();
  const TenantId tenant = way->tenants.back();
  way->tenants.pop_back();
  with_rules(tenant, [this, way, tenant](Result<void> known) {
    if (!known) return put_off(known.error());
    way->rules = tenants_[tenant].rules;
    if (way->rules.empty()) return begin_tenant(way);
    way->next = 0;
    way->series.clear();
    for (const series::SeriesEntry* entry : environment_.store.entries(tenant, ""))
      way->series.push_back(entry->info.id);
    environment_.load_tags(tenant, [this, way](Result<void> tags) {
      if (!tags) return put_off(tags.error());
      look(way);
    });
  });
}

void RetentionService::end_sweep() {
  sweeps_.add();
  const bool again = std::exchange(sweeping_, Sweeping::no) == Sweeping::again;
  sweep_in(again ? Duration::zero() : kSweepInterval);
}

void RetentionService::put_off(const Error& why) {
  log::refusal("service/retention", "what is too old is not gone yet", "store", {{"why", why.message}});
  sweeping_ = Sweeping::no;
  sweep_in(kSweepRetry);
}

void RetentionService::look(std::shared_ptr<Sweep> way) {
  const WallTime now = environment_.executor.wall_now();
  std::size_t looked = 0;
  while (way->next < way->series.size() && way->due.size() + way->orders.size() < kDeletionsAtOnce &&
         ++looked <= kSeriesPerTurn) {
    const series::SeriesEntry* entry = environment_.store.entry(way->series[way->next++]);
    if (entry != nullptr) look_at(*way, *entry, now);
  }
  if (!way->due.empty()) return erase(std::move(way));
  if (!way->orders.empty()) return roll_up(std::move(way));
  if (way->next == way->series.size()) return begin_tenant(std::move(way));
  environment_.executor.post([this, way = std::move(way)]() mutable { look(std::move(way)); });
}

/// Without rollups whole windows go, so that no chunk is written anew; with them whole days.
void RetentionService::look_at(Sweep& way, const series::SeriesEntry& entry, WallTime now) const {
  const series::SeriesInfo& info = entry.info;
  const Rule* rule = rule_for(way.rules, info.channel, [&](std::string_view name) {
    return environment_.tag(info.tenant, info.device, name);
  });
  if (rule == nullptr) return;
  series::RollupOrder order;
  order.series = info.id;
  for (std::size_t i = 0; i < series::kRollupLengths.size(); ++i) {
    if (rule->rollups[i]) order.lengths.add(series::kRollupLengths[i]);
    order.before[i] = rule->rollups[i] ? now - *rule->rollups[i] : WallTime::max();
  }
  if (!order.lengths.empty()) {
    if (rule->keep) order.points_before = now - *rule->keep;
    if (series::is_due(entry, order, now)) way.orders.push_back(order);
    return;
  }
  const WallTime end = series::window_start(now - *rule->keep);
  if (environment_.store.begin_of(entry) < end) way.due.push_back({info.id, WallTime::min(), end});
}

void RetentionService::erase(std::shared_ptr<Sweep> way) {
  std::vector<series::Deletion> due = std::exchange(way->due, {});
  const auto count = static_cast<std::int64_t>(due.size());
  environment_.store.erase(std::move(due), [this, way, count](Result<void> erased) mutable {
    if (!erased) return put_off(erased.error());
    deletions_.add(count);
    look(std::move(way));
  });
}

void RetentionService::roll_up(std::shared_ptr<Sweep> way) {
  environment_.store.roll_up(std::exchange(way->orders, {}), [this, way](Result<void> made) mutable {
    if (!made) return put_off(made.error());
    look(std::move(way));
  });
}

void RetentionService::put(const model::Caller& caller, const boost::json::object& request,
                           model::Reply reply) {
  boost::json::object document = request;
  document["name"] = *model::optional_text(request, "rule");
  auto rule = rule_from_json(document);
  if (!rule) return reply(std::unexpected(rule.error()));
  const TenantId tenant = caller.principal->tenant;
  const Rules& rules = tenants_[tenant].rules;
  const bool is_new = std::ranges::find(rules, rule->name, &Rule::name) == rules.end();
  if (is_new && rules.size() >= kMaxRules)
    return reply(fail(Errc::limit_exceeded, "there are " + std::to_string(kMaxRules) + " rules already"));
  auto changes =
      settings::changes_to_put(caller, environment_.executor.wall_now(), kPut.name,
                               {kSettingPrefix, rule->name}, boost::json::serialize(to_json(*rule)));
  environment_.repository.write(
      environment_.executor, std::move(changes),
      [this, tenant, rule = *std::move(rule), reply = std::move(reply)](auto written) mutable {
        if (!written) return reply(std::unexpected(written.error()));
        Rules& all = tenants_[tenant].rules;
        const auto at = std::ranges::lower_bound(all, rule.name, {}, &Rule::name);
        if (at != all.end() && at->name == rule.name) {
          *at = rule;
        } else {
          all.insert(at, rule);
        }
        sweep_in(kFirstSweep);  // there is time to think again
        reply(to_json(rule));
      });
}

void RetentionService::remove(const model::Caller& caller, const std::string& name, model::Reply reply) {
  const TenantId tenant = caller.principal->tenant;
  const Rules& rules = tenants_[tenant].rules;
  if (std::ranges::find(rules, name, &Rule::name) == rules.end())
    return reply(fail(Errc::not_found, "there is no rule named \"" + name + "\""));
  auto changes = settings::changes_to_remove(caller, environment_.executor.wall_now(), kDelete.name,
                                             {kSettingPrefix, name});
  environment_.repository.write(environment_.executor, std::move(changes),
                                [this, tenant, name, reply = std::move(reply)](auto written) mutable {
                                  if (!written) return reply(std::unexpected(written.error()));
                                  std::erase_if(tenants_[tenant].rules,
                                                [&name](const Rule& rule) { return rule.name == name; });
                                  reply(boost::json::object{});
                                });
}

void RetentionService::declare(model::OperationTable& table) {
  table.add(kListAll, [this](const model::Caller& caller, boost::json::object, model::Reply reply) {
    const TenantId tenant = caller.principal->tenant;
    with_rules(tenant, [this, tenant, reply = std::move(reply)](Result<void> known) mutable {
      if (!known) return reply(std::unexpected(known.error()));
      boost::json::array rows;
      for (const Rule& rule : tenants_[tenant].rules) rows.push_back(to_json(rule));
      reply(boost::json::value{{"rules", std::move(rows)}});
    });
  });
  table.add(kPut, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    with_rules(caller.principal->tenant, [this, caller, request = std::move(request),
                                          reply = std::move(reply)](Result<void> known) mutable {
      if (!known) return reply(std::unexpected(known.error()));
      put(caller, request, std::move(reply));
    });
  });
  table.add(kDelete, [this](const model::Caller& caller, boost::json::object request, model::Reply reply) {
    with_rules(caller.principal->tenant, [this, caller, request = std::move(request),
                                          reply = std::move(reply)](Result<void> known) mutable {
      if (!known) return reply(std::unexpected(known.error()));
      remove(caller, *model::optional_text(request, "rule"), std::move(reply));
    });
  });
  table.add(kApply, [this](const model::Caller&, const boost::json::object&, model::Reply reply) {
    sweep_in(Duration::zero());
    reply(boost::json::object{});
  });
}

std::vector<model::OperationSpec> operations() {
  return {kListAll, kPut, kDelete, kApply};
}

}  // namespace dunlin::retention
