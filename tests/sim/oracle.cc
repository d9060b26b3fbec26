#include "oracle.h"

#include <algorithm>

namespace dunlin::sim {
namespace {

using Counts = std::map<Sequence, std::size_t>;

std::string name_of(const Stream& stream, Sequence sequence) {
  return stream.device + "/" + stream.channel + " QoS " + std::to_string(static_cast<int>(stream.qos)) +
         " #" + std::to_string(sequence);
}

Counts count(const std::vector<Sequence>& sequences) {
  Counts counts;
  for (const Sequence sequence : sequences) ++counts[sequence];
  return counts;
}

std::size_t times(const Counts& counts, Sequence sequence) {
  const auto found = counts.find(sequence);
  return found == counts.end() ? 0 : found->second;
}

/// First appearances rise; a message that was refused or was never acknowledged may come at any time.
void check_order(const Stream& stream, const std::vector<Sequence>& found, const std::string& place,
                 std::vector<Violation>& violations) {
  if (stream.qos == hub::QoS::at_most_once) return;
  std::set<Sequence> seen;
  Sequence highest = 0;
  for (const Sequence sequence : found) {
    if (!seen.insert(sequence).second || stream.refused.contains(sequence)) continue;
    if (sequence < highest) {
      violations.push_back({"order", name_of(stream, sequence) + " is behind #" + std::to_string(highest) +
                                         " in the " + place});
      return;
    }
    highest = sequence;
  }
}

void check_counts(const Stream& stream, const std::vector<Sequence>& found, const std::string& place,
                  std::vector<Violation>& violations) {
  const Counts counts = count(found);
  const std::string lost = stream.way == Stream::Way::gateway     ? "forward_lost"
                           : stream.qos == hub::QoS::exactly_once ? "qos2_exactly_once"
                                                                  : "qos1_at_least_once";
  for (const Sequence sequence : stream.acknowledged) {
    if (times(counts, sequence) == 0)
      violations.push_back(
          {lost, name_of(stream, sequence) + " was acknowledged and is not in the " + place});
  }
  for (const auto& [sequence, number] : counts) {
    if (sequence == 0 || sequence > stream.sent)
      violations.push_back({"invented", name_of(stream, sequence) + " in the " + place + " was never sent"});
    if (number == 1 || stream.qos == hub::QoS::at_least_once) continue;
    const std::string rule = stream.way == Stream::Way::gateway     ? "forward_doubled"
                             : stream.qos == hub::QoS::exactly_once ? "qos2_exactly_once"
                                                                    : "qos0_at_most_once";
    violations.push_back(
        {rule, name_of(stream, sequence) + " is " + std::to_string(number) + " times in the " + place});
  }
}

void check_stream(const Stream& stream, std::vector<Violation>& violations) {
  check_counts(stream, stream.stored, "series", violations);
  check_order(stream, stream.stored, "series", violations);
  if (stream.qos == hub::QoS::at_most_once || stream.way == Stream::Way::gateway) return;
  std::map<std::uint16_t, std::map<std::uint64_t, Sequence>> by_place;
  for (const Witnessed& one : stream.journal) {
    const auto [place, fresh] = by_place[one.journal].emplace(one.position, one.sequence);
    if (fresh || place->second == one.sequence) continue;
    violations.push_back({"journal_stable", "position " + std::to_string(one.position) + " of journal " +
                                                std::to_string(one.journal) + " held " +
                                                name_of(stream, place->second) + " and then #" +
                                                std::to_string(one.sequence)});
  }
  std::vector<Sequence> all;
  for (const auto& [journal, places] : by_place) {
    std::vector<Sequence> here;
    for (const auto& [position, sequence] : places) here.push_back(sequence);
    check_order(stream, here, "journal", violations);
    all.insert(all.end(), here.begin(), here.end());
  }
  check_counts(stream, all, "journal", violations);
}

void check_retained(const RetainedTopic& topic, std::vector<Violation>& violations) {
  for (const RetainedTopic::Look& look : topic.looks) {
    bool allowed = look.acknowledged == 0 && !look.value;
    for (std::size_t i = std::max<std::size_t>(look.acknowledged, 1); i <= look.sent && !allowed; ++i) {
      const std::string& write = topic.writes[i - 1];
      allowed = write.empty() ? !look.value : look.value == write;
    }
    if (allowed) continue;
    violations.push_back({"retained_last_write",
                          topic.topic + " holds " + (look.value ? "\"" + *look.value + "\"" : "nothing") +
                              " " + look.when + "; acknowledged is write " +
                              std::to_string(look.acknowledged) + " of " + std::to_string(look.sent)});
  }
}

ShadowState model_of(const std::vector<ShadowChange>& changes, std::size_t number) {
  ShadowState state;
  for (std::size_t i = 0; i < number; ++i) {
    for (const auto& [member, value] : changes[i]) {
      if (value) {
        state[member] = *value;
      } else {
        state.erase(member);
      }
    }
  }
  return state;
}

std::string text_of(const ShadowState& state) {
  std::string text;
  for (const auto& [member, value] : state) text += " " + member + "=" + std::to_string(value);
  return "{" + text + " }";
}

/// The state after any number of changes from the last acknowledged one on.
void check_part(const ShadowThing& thing, const std::string& part, const std::vector<ShadowChange>& changes,
                std::size_t acknowledged, const ShadowState& found, std::vector<Violation>& violations) {
  for (std::size_t number = acknowledged; number <= changes.size(); ++number) {
    if (model_of(changes, number) == found) return;
  }
  violations.push_back({"shadow_model", thing.thing + " " + part + " is " + text_of(found) + " instead of " +
                                            text_of(model_of(changes, acknowledged)) + " after change " +
                                            std::to_string(acknowledged) + " of " +
                                            std::to_string(changes.size())});
}

void check_shadow(const ShadowThing& thing, std::vector<Violation>& violations) {
  std::uint64_t highest = 0;
  for (const std::uint64_t version : thing.versions) {
    if (version <= highest) {
      violations.push_back({"shadow_version", thing.thing + " went from version " + std::to_string(highest) +
                                                  " to " + std::to_string(version)});
      break;
    }
    highest = version;
  }
  std::uint64_t told = 0;
  std::vector<ShadowThing::Seen> seen = thing.seen;
  seen.push_back({thing.final_version, ShadowThing::Seen::By::look});
  for (const auto& [version, by] : seen) {
    // An answer may be delivered again; a look must find what was told before.
    if (by == ShadowThing::Seen::By::look && version < told) {
      violations.push_back({"shadow_version", thing.thing + " has version " + std::to_string(version) +
                                                  " after " + std::to_string(told) + " was told"});
      break;
    }
    told = std::max(told, version);
  }
  if (highest > thing.final_version)
    violations.push_back({"shadow_version", thing.thing + " ends at version " +
                                                std::to_string(thing.final_version) + " after " +
                                                std::to_string(highest)});
  check_part(thing, "reported", thing.reported, thing.reported_acknowledged, thing.final_reported,
             violations);
  check_part(thing, "desired", thing.desired, thing.desired_acknowledged, thing.final_desired, violations);
}

/// Messages that a gateway sends on may come twice: it cannot know what became of the first try.
void check_reader(const Reader& reader, const Stream& stream, const std::string& name,
                  std::vector<Violation>& violations) {
  const hub::QoS qos = std::min(reader.qos, stream.qos);
  const auto owed_after = reader.owed_after.find(name);
  if (qos == hub::QoS::at_most_once || owed_after == reader.owed_after.end()) return;
  const auto received = reader.received.find(name);
  const Counts counts = received == reader.received.end() ? Counts{} : count(received->second);
  for (const Sequence sequence : stream.acknowledged) {
    if (sequence <= owed_after->second || times(counts, sequence) > 0) continue;
    violations.push_back(
        {"delivery_lost", name_of(stream, sequence) + " was not delivered to " + reader.name});
  }
  if (qos != hub::QoS::exactly_once || stream.way == Stream::Way::gateway) return;
  for (const auto& [sequence, number] : counts) {
    if (number > 1)
      violations.push_back({"delivery_doubled", name_of(stream, sequence) + " was delivered " +
                                                    std::to_string(number) + " times to " + reader.name});
  }
}

void check_reader(const Reader& reader, const History& history, std::vector<Violation>& violations) {
  if (!reader.subscribed) violations.push_back({"rest", reader.name + " never got a SUBACK"});
  for (const auto& [name, stream] : history.streams) check_reader(reader, stream, name, violations);
}

}  // namespace

std::vector<Violation> check(const History& history) {
  std::vector<Violation> violations;
  for (const std::string& broken : history.broken) {
    const std::size_t colon = broken.find(": ");
    violations.push_back({broken.substr(0, colon), broken.substr(colon + 2)});
  }
  for (const auto& [name, stream] : history.streams) check_stream(stream, violations);
  for (const auto& [name, reader] : history.readers) check_reader(reader, history, violations);
  for (const auto& [name, topic] : history.retained) check_retained(topic, violations);
  for (const auto& [name, thing] : history.shadows) check_shadow(thing, violations);
  return violations;
}

}  // namespace dunlin::sim
