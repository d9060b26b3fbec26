#include "platform/thing_tags.h"

namespace dunlin::platform {
namespace {

constexpr std::size_t kPageThings = 1000;

query::ThingRow row_of(const registry::Thing& thing) {
  return {thing.name, thing.type, thing.gateway,
          thing.state == registry::Thing::State::enabled ? "enabled" : "disabled", thing.attributes};
}

}  // namespace

ThingTags::ThingTags(registry::Registry& registry, const series::SeriesStore& store)
    : registry_(registry), store_(store) {
  registry_.on_change([this](TenantId tenant, const registry::Thing& thing) { changed(tenant, thing); });
}

void ThingTags::changed(TenantId tenant, const registry::Thing& thing) {
  Tenant& of = tenants_[tenant];
  if (of.state == Tenant::State::unknown) return;
  if (of.state == Tenant::State::loading) of.changed.insert(thing.name);
  erase(of, thing.name);
  if (thing.version != 0) put(of, thing);
}

void ThingTags::erase(Tenant& of, const std::string& thing) {
  const auto row = of.rows.find(thing);
  if (row == of.rows.end()) return;
  for (const auto& [name, value] : row->second.attributes) {
    const auto known = of.names.find(name);
    if (--known->second == 0) of.names.erase(known);
  }
  of.rows.erase(row);
}

/// It is not there.
void ThingTags::put(Tenant& of, const registry::Thing& thing) {
  for (const auto& [name, value] : thing.attributes) ++of.names[name];
  of.rows.emplace(thing.name, row_of(thing));
}

void ThingTags::load(TenantId tenant, std::move_only_function<void(Result<void>)> loaded) {
  Tenant& of = tenants_[tenant];
  if (of.state == Tenant::State::known) return loaded({});
  of.waiting.push_back(std::move(loaded));
  if (of.state == Tenant::State::loading) return;
  of.state = Tenant::State::loading;
  load_page(tenant, {});
}

void ThingTags::load_page(TenantId tenant, std::string after) {
  registry::ThingQuery query;
  query.tenant = tenant;
  query.after = std::move(after);
  query.limit = kPageThings;
  registry_.list(std::move(query), [this, tenant](Result<std::vector<registry::Thing>> things) {
    if (!things) return end_load(tenant, std::unexpected(std::move(things).error()));
    Tenant& of = tenants_[tenant];
    for (const registry::Thing& thing : *things) {
      if (of.changed.contains(thing.name)) continue;
      erase(of, thing.name);
      put(of, thing);
    }
    if (things->size() < kPageThings) return end_load(tenant, {});
    load_page(tenant, things->back().name);
  });
}

void ThingTags::end_load(TenantId tenant, Result<void> result) {
  Tenant& of = tenants_[tenant];
  of.state = result ? Tenant::State::known : Tenant::State::unknown;
  of.changed.clear();
  if (!result) {
    of.rows.clear();
    of.names.clear();
  }
  for (auto& waiting : std::exchange(of.waiting, {})) waiting(result);
}

std::vector<std::string> ThingTags::names(TenantId tenant) const {
  std::vector<std::string> names;
  const auto found = tenants_.find(tenant);
  if (found == tenants_.end()) return names;
  for (const auto& [name, count] : found->second.names) names.push_back(name);
  return names;
}

std::optional<std::string> ThingTags::tag(TenantId tenant, std::string_view device,
                                          std::string_view name) const {
  if (const series::Tags* tags = store_.tags_of(tenant, device)) {
    if (const auto found = tags->find(name); found != tags->end()) return found->second;
  }
  return attribute(tenant, device, name);
}

std::optional<std::string> ThingTags::attribute(TenantId tenant, std::string_view device,
                                                std::string_view name) const {
  const auto of = tenants_.find(tenant);
  if (of == tenants_.end()) return std::nullopt;
  const auto row = of->second.rows.find(device);
  if (row == of->second.rows.end()) return std::nullopt;
  const auto attribute = row->second.attributes.find(std::string(name));
  if (attribute == row->second.attributes.end()) return std::nullopt;
  return attribute->second;
}

std::vector<query::ThingRow> ThingTags::things(TenantId tenant) const {
  std::vector<query::ThingRow> rows;
  const auto found = tenants_.find(tenant);
  if (found == tenants_.end()) return rows;
  for (const auto& [name, row] : found->second.rows) rows.push_back(row);
  return rows;
}

}  // namespace dunlin::platform
