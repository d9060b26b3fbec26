// Static groups of things: the part of AttachmentRegister about them.
#include <algorithm>
#include <memory>
#include <utility>

#include "base/log.h"
#include "security/attachment_register.h"
#include "security/names.h"

namespace dunlin::security {
namespace {

using store::Change;
using store::Document;
using store::DocumentKind;
using Documents = std::vector<Document>;
using Versions = std::vector<std::uint64_t>;

constexpr std::size_t kMembersAtOnce = 200;
constexpr std::string_view kThingPrefix = "thing:";

Result<void> check_group(const GroupRecord& group) {
  DUNLIN_CHECK(check_group_name(group.name));
  if (group.about.size() > kMaxLabel || !is_clean_utf8(group.about))
    return fail(Errc::invalid_argument,
                "\"about\" must be text of at most " + std::to_string(kMaxLabel) + " bytes");
  return {};
}

}  // namespace

void AttachmentRegister::load_groups(std::string after, Done<void> done) {
  store::Query query;
  query.kind = DocumentKind::thing_group;
  query.tenant = tenant_.value;
  query.after_id = std::move(after);
  query.limit = kMaxGroups;
  parts_.repository.find(
      parts_.executor, std::move(query), [this, done = std::move(done)](Result<Documents> found) mutable {
        if (!found) return done(std::unexpected(found.error()));
        for (const Document& stored : *found) {
          auto group = group_of(stored);
          if (!group) log::error("security", "a stored group cannot be read", {{"group", stored.id}});
          // Its members and policies are kept elsewhere: they stay in force.
          groups_[stored.id] = group ? *std::move(group) : GroupRecord{.name = stored.id, .about = {}};
        }
        if (found->size() < kMaxGroups) return done({});
        load_groups(found->back().id, std::move(done));
      });
}

std::vector<GroupRecord> AttachmentRegister::groups() const {
  std::vector<GroupRecord> all;
  for (const auto& [name, group] : groups_) all.push_back(group);
  return all;
}

const GroupRecord* AttachmentRegister::find_group(std::string_view name) const {
  const auto found = groups_.find(name);
  return found == groups_.end() ? nullptr : &found->second;
}

void AttachmentRegister::members(std::string group, std::string after, std::size_t limit,
                                 Done<std::vector<std::string>> done) {
  if (!after.empty()) after.insert(0, kThingPrefix);
  find(kGroupIndex, std::move(group), std::move(after), limit,
       [done = std::move(done)](Result<Documents> found) mutable {
         if (!found) return done(std::unexpected(found.error()));
         std::vector<std::string> things;
         for (const Document& stored : *found) things.push_back(stored.id.substr(kThingPrefix.size()));
         done(std::move(things));
       });
}

void AttachmentRegister::create_group(Actor actor, GroupRecord group, Done<GroupRecord> done) {
  in_turn<GroupRecord>(std::move(done), [this, actor = std::move(actor),
                                         group = std::move(group)](Done<GroupRecord> finish) mutable {
    auto fits = check_group(group);
    if (fits && groups_.contains(group.name))
      fits = fail(Errc::already_exists, "a group of this name exists");
    if (fits && groups_.size() >= kMaxGroups)
      fits =
          fail(Errc::limit_exceeded, "there are " + std::to_string(kMaxGroups) + " groups: delete one first");
    if (!fits) return finish(std::unexpected(fits.error()));
    // What a former group of that name may have left does not come back with the name.
    const std::string name = group.name;
    empty_group(
        actor, name,
        [this, actor, group = std::move(group), finish = std::move(finish)](Result<void> emptied) mutable {
          if (!emptied) return finish(std::unexpected(emptied.error()));
          store_group(std::move(actor), std::move(group), std::move(finish));
        });
  });
}

void AttachmentRegister::store_group(Actor actor, GroupRecord group, Done<GroupRecord> done) {
  group.created_at = unix_milliseconds(parts_.clock.wall_now());
  const Subject subject{SubjectKind::group, group.name};
  AttachmentCompanion former = withdraw(subject);
  std::vector<Change> changes = std::move(former.changes);
  changes.push_back(put_change(DocumentKind::thing_group, tenant_, document_of(group), 0));
  changes.push_back(audit(std::move(actor), "group.create", group.name));
  parts_.repository.write(parts_.executor, std::move(changes),
                          [this, group = std::move(group), stored = std::move(former.stored),
                           done = std::move(done)](Result<Versions> written) mutable {
                            if (!written) return done(std::unexpected(written.error()));
                            stored();
                            groups_[group.name] = group;
                            done(std::move(group));
                          });
}

void AttachmentRegister::remove_group(Actor actor, std::string name, Done<void> done) {
  in_turn<void>(std::move(done), [this, actor = std::move(actor),
                                  name = std::move(name)](Done<void> finish) mutable {
    if (!groups_.contains(name)) return finish(fail(Errc::not_found, "there is no group " + name));
    empty_group(actor, name, [this, actor, name, finish = std::move(finish)](Result<void> emptied) mutable {
      if (!emptied) return finish(std::move(emptied));
      remove_empty(std::move(actor), name, std::move(finish));
    });
  });
}

void AttachmentRegister::remove_empty(Actor actor, const std::string& name, Done<void> done) {
  AttachmentCompanion attachments = withdraw({SubjectKind::group, name});
  std::vector<Change> changes = std::move(attachments.changes);
  changes.push_back(remove_change(DocumentKind::thing_group, tenant_, name));
  changes.push_back(audit(std::move(actor), "group.delete", name));
  parts_.repository.write(parts_.executor, std::move(changes),
                          [this, name, stored = std::move(attachments.stored),
                           done = std::move(done)](Result<Versions> written) mutable {
                            if (!written) return done(std::unexpected(written.error()));
                            groups_.erase(name);
                            stored();
                            done({});
                          });
}

void AttachmentRegister::empty_group(Actor actor, std::string name, Done<void> done) {
  const std::string group = name;
  find(kGroupIndex, group, {}, kMembersAtOnce,
       [this, actor = std::move(actor), name = std::move(name),
        done = std::move(done)](Result<Documents> members) mutable {
         if (!members) return done(std::unexpected(members.error()));
         if (members->empty()) return done({});
         take_out(std::move(actor), std::move(name), *members, std::move(done));
       });
}

void AttachmentRegister::take_out(Actor actor, std::string name, const Documents& members, Done<void> done) {
  std::vector<Change> changes;
  std::vector<Attached> left;
  for (const Document& stored : members) {
    const auto subject = parse_subject(stored.id);
    Attached one = subject ? attached(*subject) : Attached{};
    if (!subject || one.state == Attached::State::broken)
      return done(fail(Errc::corrupt,
                       "what is attached to " + stored.id + " cannot be read: detach \"*\" from it first"));
    std::erase(one.groups, name);
    changes.push_back(change_of(one));
    left.push_back(std::move(one));
  }
  changes.push_back(
      audit(actor, "group.remove", name, std::to_string(members.size()) + " things: the group goes"));
  parts_.repository.write(parts_.executor, std::move(changes),
                          [this, actor, name = std::move(name), left = std::move(left),
                           done = std::move(done)](Result<Versions> written) mutable {
                            if (!written) return done(std::unexpected(written.error()));
                            std::vector<AttachedRef> changed;
                            for (std::size_t i = 0; i < left.size(); ++i) {
                              left[i].version = (*written)[i];
                              changed.push_back(std::make_shared<const Attached>(std::move(left[i])));
                            }
                            parts_.engine.attach(changed);
                            empty_group(std::move(actor), std::move(name), std::move(done));
                          });
}

void AttachmentRegister::add_member(Actor actor, std::string group, std::string thing, Done<Attached> done) {
  in_turn<Attached>(std::move(done), [this, actor = std::move(actor), group = std::move(group),
                                      thing = std::move(thing)](Done<Attached> finish) mutable {
    if (!groups_.contains(group)) return finish(fail(Errc::not_found, "there is no group " + group));
    const auto join = [group](Attached& attached) -> Result<bool> {
      if (std::ranges::find(attached.groups, group) != attached.groups.end()) return false;
      if (attached.groups.size() >= kMaxGroupsPerThing)
        return fail(Errc::limit_exceeded, attached.subject.name + " is a member of " +
                                              std::to_string(kMaxGroupsPerThing) + " groups already");
      attached.groups.push_back(group);
      return true;
    };
    change(std::move(actor), {SubjectKind::thing, std::move(thing)},
           {.apply = join, .action = "group.add", .detail = group}, std::move(finish));
  });
}

void AttachmentRegister::remove_member(Actor actor, std::string group, std::string thing,
                                       Done<Attached> done) {
  in_turn<Attached>(std::move(done), [this, actor = std::move(actor), group = std::move(group),
                                      thing = std::move(thing)](Done<Attached> finish) mutable {
    const auto leave = [group](Attached& attached) -> Result<bool> {
      if (std::erase(attached.groups, group) > 0) return true;
      return fail(Errc::not_found, attached.subject.name + " is no member of the group " + group);
    };
    apply(std::move(actor), {SubjectKind::thing, std::move(thing)},
          {.apply = leave, .action = "group.remove", .detail = group}, std::move(finish));
  });
}

}  // namespace dunlin::security
