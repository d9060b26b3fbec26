#pragma once
// An enrolment under way; internal to the room.

#include <optional>
#include <string>
#include <vector>

#include "service/provision/enrolment.h"

namespace dunlin::provision {

inline constexpr const char* kMayNotEnrol =
    "the thing is disabled or decommissioned: an operator has to enable it, or to remove it first";
/// Of a thing that is there.
inline bool may_enrol(const registry::Thing& thing) {
  return thing.state == registry::Thing::State::enabled && thing.life.stage != Lifecycle::decommission;
}

struct Enrolment::Job {
  Application wanted;
  Done done;
  WallTime began{};  // the thing is made then: no credential may be older than its thing
  std::optional<security::CertificateInfo> shown;  // of the certificate of the handshake
  std::optional<security::Csr> csr;
  std::optional<Grant> grant;  // none: our own authority vouches
  std::string name;
  std::string key;      // what the approval queue knows the device by
  std::string penalty;  // key of the penalty table; empty: nothing was guessed at
  TenantCount count;
  std::optional<registry::Thing> thing;
  std::optional<Waiting> waiting;
  std::optional<registry::Registry::Plan> plan;
  Task enlisted;  // once the changes are durable; empty: no groups or policies
  std::vector<store::Change> changes;
  Enrolled answer;

  const Template& rules() const {
    static const Template kOwn;
    return grant ? grant->rules : kOwn;
  }
  /// Who is known to have asked, for the audit.
  std::string actor() const {
    if (!name.empty()) return "device:" + name;
    return "address:" + wanted.address;
  }
};

}  // namespace dunlin::provision
