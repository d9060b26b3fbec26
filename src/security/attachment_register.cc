#include "security/attachment_register.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/log.h"

namespace dunlin::security {
namespace {

using store::Change;
using store::Document;
using store::DocumentKind;
using Documents = std::vector<Document>;
using Versions = std::vector<std::uint64_t>;

constexpr std::size_t kLoadPage = 1000;
constexpr std::size_t kNamedHolders = 3;
constexpr std::string_view kAllPolicies = "*";

DocumentKind kind_of(SubjectKind kind) {
  constexpr std::array kKinds{DocumentKind::thing, DocumentKind::thing_group, DocumentKind::certificate,
                              DocumentKind::user};
  return kKinds[static_cast<std::size_t>(kind)];
}

std::string not_known(const Subject& subject) {
  return "there is no " + std::string(subject_kind_name(subject.kind)) + " " + subject.name;
}

/// Errors: malformed (no subject).
Result<Attached> attached_of(const Document& stored) {
  const auto subject = parse_subject(stored.id);
  if (!subject) return fail(Errc::malformed, subject.error().message);
  Attached attached{.subject = *subject, .policies = {}, .groups = {}, .version = stored.version};
  auto record = attachment_of(stored);
  const bool fits = record && record->policies.size() <= kMaxPoliciesPerSubject &&
                    record->groups.size() <= kMaxGroupsPerThing &&
                    (record->groups.empty() || subject->kind == SubjectKind::thing);
  if (!fits) {
    attached.state = Attached::State::broken;
    return attached;
  }
  attached.policies = std::move(record->policies);
  attached.groups = std::move(record->groups);
  return attached;
}

}  // namespace

void AttachmentRegister::run_next() {
  if (turn_ == Turn::taken || turns_.empty()) return;
  turn_ = Turn::taken;
  parts_.executor.post(std::move(turns_.front()));
  turns_.pop_front();
}

void AttachmentRegister::load(Done<void> done) {
  load_groups({}, [this, done = std::move(done)](Result<void> loaded) mutable {
    if (!loaded) return done(std::move(loaded));
    load_attachments({}, std::move(done));
  });
}

void AttachmentRegister::load_attachments(std::string after, Done<void> done) {
  store::Query query;
  query.kind = DocumentKind::attachment;
  query.tenant = tenant_.value;
  query.after_id = std::move(after);
  query.limit = kLoadPage;
  parts_.repository.find(
      parts_.executor, std::move(query), [this, done = std::move(done)](Result<Documents> found) mutable {
        if (!found) return done(std::unexpected(found.error()));
        std::vector<AttachedRef> page;
        for (const Document& stored : *found) {
          auto attached = attached_of(stored);
          if (!attached || attached->state == Attached::State::broken)
            log::error("security", "what is attached cannot be read: who it is about is denied everything",
                       {{"subject", stored.id}});
          if (attached) page.push_back(std::make_shared<const Attached>(*std::move(attached)));
        }
        if (!page.empty()) parts_.engine.attach(page);
        if (found->size() < kLoadPage) return done({});
        load_attachments(found->back().id, std::move(done));
      });
}

Attached AttachmentRegister::attached(const Subject& subject) const {
  const AttachedRef known = parts_.engine.attached(subject);
  return known ? *known : Attached{.subject = subject, .policies = {}, .groups = {}};
}

Change AttachmentRegister::change_of(const Attached& attached) const {
  const std::string id = attached.subject.text();
  if (!attached.is_empty())
    return put_change(DocumentKind::attachment, tenant_,
                      document_of(id, {attached.policies, attached.groups}), attached.version);
  Change change = remove_change(DocumentKind::attachment, tenant_, id);
  change.expected_version = attached.version;
  return change;
}

Change AttachmentRegister::audit(Actor actor, std::string action, std::string object,
                                 std::string detail) const {
  return audit_change(tenant_, parts_.clock.wall_now(),
                      {.actor = std::move(actor),
                       .action = std::move(action),
                       .object = std::move(object),
                       .detail = std::move(detail)});
}

void AttachmentRegister::publish(Attached changed) {
  const AttachedRef one = std::make_shared<const Attached>(std::move(changed));
  parts_.engine.attach({&one, 1});
}

void AttachmentRegister::exists(const Subject& subject, Done<bool> done) {
  if (subject.kind == SubjectKind::group) return done(groups_.contains(subject.name));
  parts_.repository.get(parts_.executor, kind_of(subject.kind), tenant_.value, subject.name,
                        [done = std::move(done)](Result<std::optional<Document>> found) mutable {
                          if (!found) return done(std::unexpected(found.error()));
                          done(found->has_value());
                        });
}

void AttachmentRegister::change(Actor actor, Subject subject, Edit edit, Done<Attached> done) {
  const Subject asked = subject;
  exists(asked, [this, actor = std::move(actor), subject = std::move(subject), edit = std::move(edit),
                 done = std::move(done)](Result<bool> there) mutable {
    if (!there) return done(std::unexpected(there.error()));
    if (!*there) return done(fail(Errc::not_found, not_known(subject)));
    apply(std::move(actor), subject, edit, std::move(done));
  });
}

void AttachmentRegister::apply(Actor actor, const Subject& subject, const Edit& edit, Done<Attached> done) {
  Attached changed = attached(subject);
  if (changed.state == Attached::State::broken && edit.broken == Edit::Broken::refused)
    return done(fail(Errc::corrupt, "what is attached to it cannot be read: detach \"*\" from it first"));
  const auto applied = edit.apply(changed);
  if (!applied) return done(std::unexpected(applied.error()));
  if (!*applied) return done(std::move(changed));
  std::vector<Change> changes = {change_of(changed),
                                 audit(std::move(actor), edit.action, subject.text(), edit.detail)};
  parts_.repository.write(
      parts_.executor, std::move(changes),
      [this, changed = std::move(changed), done = std::move(done)](Result<Versions> written) mutable {
        if (!written) return done(std::unexpected(written.error()));
        changed.version = written->front();
        publish(changed);
        keep_if_it_exists(std::move(changed), std::move(done));
      });
}

/// It may have been removed at the same moment: a later one of its name must not find what was attached.
void AttachmentRegister::keep_if_it_exists(Attached changed, Done<Attached> done) {
  if (changed.is_empty()) return done(std::move(changed));
  const Subject subject = changed.subject;
  exists(subject, [this, changed = std::move(changed), done = std::move(done)](Result<bool> there) mutable {
    if (!there) return done(std::unexpected(there.error()));
    if (*there) return done(std::move(changed));
    std::vector<Change> changes = {remove_change(DocumentKind::attachment, tenant_, changed.subject.text())};
    parts_.repository.write(
        parts_.executor, std::move(changes),
        [this, subject = changed.subject, done = std::move(done)](Result<Versions> written) mutable {
          if (!written) return done(std::unexpected(written.error()));
          publish({.subject = subject, .policies = {}, .groups = {}});
          done(fail(Errc::not_found, not_known(subject)));
        });
  });
}

void AttachmentRegister::attach(Actor actor, Subject subject, std::string policy, Done<Attached> done) {
  in_turn<Attached>(std::move(done), [this, actor = std::move(actor), subject = std::move(subject),
                                      policy = std::move(policy)](Done<Attached> finish) mutable {
    Edit edit{.apply = [policy](Attached& attached) -> Result<bool> {
                if (std::ranges::find(attached.policies, policy) != attached.policies.end()) return false;
                if (attached.policies.size() >= kMaxPoliciesPerSubject)
                  return fail(Errc::limit_exceeded, attached.subject.text() + " has " +
                                                        std::to_string(kMaxPoliciesPerSubject) +
                                                        " policies attached: detach one first");
                attached.policies.push_back(policy);
                return true;
              },
              .action = "policy.attach",
              .detail = policy};
    parts_.policies.get(parts_.executor, policy,
                        [this, actor = std::move(actor), subject = std::move(subject), edit = std::move(edit),
                         finish = std::move(finish)](Result<StoredPolicy> found) mutable {
                          if (!found) return finish(std::unexpected(found.error()));
                          change(std::move(actor), std::move(subject), std::move(edit), std::move(finish));
                        });
  });
}

void AttachmentRegister::detach(Actor actor, Subject subject, std::string policy, Done<Attached> done) {
  in_turn<Attached>(std::move(done), [this, actor = std::move(actor), subject = std::move(subject),
                                      policy = std::move(policy)](Done<Attached> finish) mutable {
    const bool all = policy == kAllPolicies;
    const auto take = [policy, all](Attached& attached) -> Result<bool> {
      const bool was_broken = attached.state == Attached::State::broken;
      const std::size_t gone =
          std::erase_if(attached.policies, [&](const std::string& one) { return all || one == policy; });
      attached.state = Attached::State::whole;
      if (gone > 0 || was_broken) return true;
      return fail(Errc::not_found, (all ? "no policy" : "the policy " + policy) + std::string(" is ") +
                                       (all ? "" : "not ") + "attached to " + attached.subject.text());
    };
    apply(std::move(actor), subject,
          {.apply = take,
           .action = "policy.detach",
           .detail = policy,
           .broken = all ? Edit::Broken::taken : Edit::Broken::refused},
          std::move(finish));
  });
}

void AttachmentRegister::find(std::string_view index, std::string value, std::string after, std::size_t limit,
                              Done<Documents> done) {
  store::Query query;
  query.kind = DocumentKind::attachment;
  query.tenant = tenant_.value;
  query.equals = {{std::string(index), std::move(value)}};
  query.after_id = std::move(after);
  query.limit = limit;
  parts_.repository.find(parts_.executor, std::move(query), std::move(done));
}

void AttachmentRegister::holders(std::string policy, std::string after, std::size_t limit,
                                 Done<std::vector<std::string>> done) {
  find(kPolicyIndex, std::move(policy), std::move(after), limit,
       [done = std::move(done)](Result<Documents> found) mutable {
         if (!found) return done(std::unexpected(found.error()));
         std::vector<std::string> subjects;
         for (Document& stored : *found) subjects.push_back(std::move(stored.id));
         done(std::move(subjects));
       });
}

void AttachmentRegister::remove_policy(Actor actor, std::string policy, Done<void> done) {
  in_turn<void>(std::move(done), [this, actor = std::move(actor),
                                  policy = std::move(policy)](Done<void> finish) mutable {
    holders(policy, {}, kNamedHolders + 1,
            [this, actor = std::move(actor), policy,
             finish = std::move(finish)](Result<std::vector<std::string>> found) mutable {
              if (!found) return finish(std::unexpected(found.error()));
              if (found->empty())
                return parts_.policies.remove(parts_.executor, std::move(actor), policy, std::move(finish));
              std::string where;
              for (std::size_t i = 0; i < std::min(found->size(), kNamedHolders); ++i)
                where.append(i == 0 ? "" : ", ").append((*found)[i]);
              if (found->size() > kNamedHolders) where += " and others";
              finish(fail(Errc::conflict,
                          "the policy " + policy + " is attached to " + where + ": detach it there first"));
            });
  });
}

AttachmentCompanion AttachmentRegister::withdraw(Subject subject) {
  AttachmentCompanion companion;
  companion.changes.push_back(remove_change(DocumentKind::attachment, tenant_, subject.text()));
  companion.stored = [this, subject = std::move(subject)] {
    // A change of the epoch asks every subscription anew.
    if (parts_.engine.attached(subject)) publish({.subject = subject, .policies = {}, .groups = {}});
  };
  return companion;
}

Result<AttachmentCompanion> AttachmentRegister::enlist(const std::string& thing,
                                                       const std::vector<std::string>& groups) {
  // What a former thing of that name may have left does not become its own.
  Attached made{.subject = {SubjectKind::thing, thing}, .policies = {}, .groups = {}};
  const Attached before = attached(made.subject);
  made.version = before.version;
  for (const std::string& group : groups) {
    if (!groups_.contains(group)) return fail(Errc::not_found, "there is no group " + group);
    if (std::ranges::find(made.groups, group) == made.groups.end()) made.groups.push_back(group);
  }
  if (made.groups.size() > kMaxGroupsPerThing)
    return fail(Errc::limit_exceeded,
                "a thing is a member of at most " + std::to_string(kMaxGroupsPerThing) + " groups");
  AttachmentCompanion companion;
  if (made.is_empty() && before.version == 0) return companion;
  companion.changes.push_back(change_of(made));
  companion.stored = [this, made = std::move(made)]() mutable {
    made.version = made.is_empty() ? 0 : made.version + 1;
    publish(made);
    // A group that was removed between the plan and the write has no members.
    for (const std::string& group : made.groups) {
      if (!groups_.contains(group))
        remove_member("system", group, made.subject.name, [](Result<Attached>) {});
    }
  };
  return companion;
}

Result<AttachmentCompanion> AttachmentRegister::inherit(const Subject& from, Subject heir) {
  const Attached before = attached(from);
  if (before.state == Attached::State::broken)
    return fail(Errc::corrupt, "what is attached to " + from.text() + " cannot be read: detach \"*\" first");
  AttachmentCompanion companion;
  if (before.policies.empty()) return companion;
  Attached made{.subject = std::move(heir), .policies = before.policies, .groups = {}};
  made.version = attached(made.subject).version;
  companion.changes.push_back(change_of(made));
  companion.stored = [this, from, made = std::move(made)]() mutable {
    ++made.version;
    publish(made);
    // What was detached between the plan and the write goes here, too.
    const Attached now = attached(from);
    for (const std::string& policy : made.policies) {
      if (std::ranges::find(now.policies, policy) == now.policies.end())
        detach("system", made.subject, policy, [](Result<Attached>) {});
    }
  };
  return companion;
}

}  // namespace dunlin::security
