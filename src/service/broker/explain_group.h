#pragma once
// Whether a member of a shared subscription's group gets a message. Internal to the room.

#include <string>
#include <string_view>

#include "service/broker/explain.h"

namespace dunlin::broker {

struct GroupJudgement {
  Step step;
  std::string_view verdict;  // empty: the message is this member's, and what follows is as for any other
};

GroupJudgement judge_group(const Question& question, const hub::GroupView& group);

}  // namespace dunlin::broker
