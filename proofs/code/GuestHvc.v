(* SPDX-License-Identifier: GPL-2.0-only *)
(* gpsci.c: HVC of a protected guest, as the top machine answers it (top/Guest.v, guest_hvc). *)
From KCore Require Import code.Context code.Regs code.Cpu code.Gpsci gen.C_gpsci.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* HVC: the guest's own registers, what the host is told, who starts or stops. *)
Definition s_guest_hvc : prim state := fun args s =>
  match args with
  | [vcpu] => pre vcpu_ok s vcpu && negb (held s) in
      let context := cell s "vcpu_context" vcpu in let page := cell s "vcpu_page" vcpu in
      match Guest.guest_hvc vcpu (near vcpu s) (words_of context s) with
      | Guest.HvcLocal x0 => Ok (1, put_words context [(0, x0)] s)
      | Guest.HvcTell rel x0 kept =>
          let s1 := match kept, Guest.r_power rel with
                    | Some (t, entry, y), _ => start_vcpu t entry y s
                    | None, Some (t, p) => setcell "vcpu_power" t p s
                    | None, None => s
                    end in
          Ok (0, put_words context [(0, x0)] (put_words page (Guest.r_regs rel) s1))
      end
  | _ => Stuck
  end.

Definition L_hvc : layer state := add (add (add L1
  "guest_psci_on" s_guest_psci_on) "guest_off" s_guest_off) "guest_call" s_guest_call.

Lemma start_vcpu_cell t e x s n i : String.eqb n "vcpu_context" || String.eqb n "vcpu_page" || String.eqb n "root_base" = true ->
  cell (start_vcpu t e x s) n i = cell s n i.
Proof.
  intros H. rewrite !orb_true_iff, !String.eqb_eq in H. destruct H as [[->| ->]| ->]; reflexivity.
Qed.

Lemma guest_hvc_ok : meets (run L_hvc f_guest_hvc) s_guest_hvc.
Proof.
  spec_args. contexts. unfold Guest.guest_hvc. guest_bits. psci. masks.
  pose proof (vcpu_number_range z ltac:(assumption)). set (c := cell s "vcpu_context" z) in *.
  change (words_of c s 0) with (word s (c + 0)). change (words_of c s 1) with (word s (c + 8)).
  change (words_of c s 2) with (word s (c + 16)). change (words_of c s 3) with (word s (c + 24)). subst c.
  start f_guest_hvc. hide. steps_to "guest_psci_on".
  - call. unfold psci_on. guest_bits. psci. masks. set (c := cell s "vcpu_context" z) in *.
    change (words_of c s 1) with (word s (c + 8)). change (words_of c s 2) with (word s (c + 16)).
    change (words_of c s 3) with (word s (c + 24)). subst c.
    destruct (near z s _) as [[t p]|] eqn:N; [|go; reveal; conds; reflexivity].
    match goal with |- returns_to _ _ _ (match (if ?b then _ else _) with _ => _ end) => destruct b eqn:? end;
      [go; reveal; conds; reflexivity|].
    match goal with |- returns_to _ _ _ (match (if ?b then _ else _) with _ => _ end) => destruct b eqn:? end;
      [go; reveal; conds; reflexivity|].
    unfold start_vcpu. go; reveal; conds; reflexivity.
  - reveal. match goal with H : _ || _ = true |- _ => rewrite H end. conds. reflexivity.
  - reveal. match goal with H : _ || _ = true |- _ => rewrite H end. conds. reflexivity.
  - reveal. conds. reflexivity.
Qed.

