#pragma once
// What a thing may do at present, whatever its policies say: the stage of its life, and whether it is in
// quarantine.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace dunlin {

/// The stages of a thing's life, in their order; docs/lifecycle.md says what each allows.
enum class Lifecycle : std::uint8_t { provisioning, activation, operation, maintenance, decommission };
inline constexpr std::array<std::string_view, 5> kLifecycleNames{"provisioning", "activation", "operation",
                                                                 "maintenance", "decommission"};
inline std::string_view lifecycle_name(Lifecycle stage) {
  return kLifecycleNames[static_cast<std::size_t>(stage)];
}
std::optional<Lifecycle> parse_lifecycle(std::string_view word);

enum class Quarantine : std::uint8_t { no, yes };

struct Standing {
  Lifecycle lifecycle = Lifecycle::operation;
  Quarantine quarantine = Quarantine::no;

  /// In operation and not in quarantine: the policies alone decide.
  bool is_usual() const { return lifecycle == Lifecycle::operation && quarantine == Quarantine::no; }
  friend bool operator==(const Standing&, const Standing&) = default;
};

}  // namespace dunlin
