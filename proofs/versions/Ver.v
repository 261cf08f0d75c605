(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * What a release has to get right so that the theorems are about it: facts that tools/facts reads from the built kernel
 * (versions/V*.v) and from the KCore image (Image.v), checks on them, and what the checks imply.
 *
 * A failing check yields a text that names the fact; `broken' is the list of these texts.
 *)
From Coq Require Export ZArith Lia List Bool String Ascii.
From Coq Require Import DecimalString DecimalZ.
From KCore Require Import gen.Tables gen.Constants.
Export ListNotations.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* A member of a structure: count elements of f_bytes each *)
Record field := Field { f_name : string; f_at : Z; f_bytes : Z; f_count : Z }.

(* c_bytes at c_at of the page belong to the bytes at c_slot of a structure of KVM's; a register that KVM keeps in fewer
   bytes is extended by zeroes. *)
Record copy := Copy {
  c_field : string; c_at : Z; c_bytes : Z;
  c_space : string; c_name : string; c_slot : Z; c_slot_bytes : Z }.

Record region := Region { r_name : string; r_from : Z; r_to : Z }.

Record image := {
  i_sections : list region; i_stacks : region; i_stack_slot : Z;
  i_roots_at : Z; i_root_bytes : Z; i_records_at : Z;
  i_ipa_bits : Z; i_vms : Z; i_machines : list (Z * Z) }.

Class VER := {
  release : string;
  page_bytes : Z; page : list field;           (* struct kcore_vcpu_page *)
  install_bytes : Z; install : list field;     (* struct kcore_install *)
  calls : list (string * Z);                   (* enum kcore_hypercall *)
  into : list copy; back : list copy;          (* what the glue copies to the page, and from it *)
  core : image }.

(* ---- generic *)
Infix "+++" := (@app _) (at level 60, right associativity).

Definition say (good : bool) (text : string) : list string := if good then [] else [text].

Lemma say_nil b t : say b t = [] -> b = true.
Proof. destruct b; [reflexivity|discriminate]. Qed.

Lemma flat_map_nil {A B} (f : A -> list B) l : flat_map f l = [] -> forall x, In x l -> f x = [].
Proof.
  induction l as [|a l IH]; simpl; intros H x; [tauto|].
  apply app_eq_nil in H. intros [<-|]; [apply H|apply IH; [apply H|assumption]].
Qed.

Fixpoint pairs {A} (l : list A) : list (A * A) :=
  match l with [] => [] | x :: r => map (pair x) r +++ pairs r end.

(* Any two entries, in either order *)
Inductive apart {A} (R : A -> A -> Prop) : list A -> Prop :=
| apart_nil : apart R []
| apart_cons x l : (forall y, In y l -> R x y) -> apart R l -> apart R (x :: l).

Lemma pairs_apart {A} (R : A -> A -> Prop) (l : list A) : (forall x y, In (x, y) (pairs l) -> R x y) -> apart R l.
Proof.
  induction l as [|a l IH]; simpl; intros H; constructor.
  - intros y Hy. apply H, in_or_app. left. apply in_map_iff. eauto.
  - apply IH. intros x y Hxy. apply H, in_or_app. now right.
Qed.

Definition number (z : Z) : string := NilZero.string_of_int (Z.to_int z).

(* Half-open ranges that share no byte; one of them may be empty *)
Definition away (a n b m : Z) : bool := (a + n <=? b) || (b + m <=? a).

Definition f_size (f : field) : Z := f_bytes f * f_count f.

Definition find_field (name : string) (l : list field) : option field := find (fun f => f_name f =? name)%string l.

(* ---- layouts *)
Definition check_layout (what : string) (bytes : Z) (l : list field) : list string :=
  flat_map (fun f => say ((0 <=? f_at f) && (0 <? f_bytes f) && (0 <? f_count f) && (f_at f + f_size f <=? bytes))
    (what ++ ": " ++ f_name f ++ " at " ++ number (f_at f) ++ " lies outside of its " ++ number bytes ++ " bytes")) l +++
  flat_map (fun p => say (away (f_at (fst p)) (f_size (fst p)) (f_at (snd p)) (f_size (snd p)))
    (what ++ ": " ++ f_name (fst p) ++ " and " ++ f_name (snd p) ++ " overlap")) (pairs l) +++
  flat_map (fun p => say (negb (f_name (fst p) =? f_name (snd p))%string)
    (what ++ ": " ++ f_name (fst p) ++ " is there twice")) (pairs l).

(* Where the core (gen/Constants.v) finds what it uses of the page: offset, bytes of an element, elements *)
Definition core_page : list field := [
  Field "x" 0 8 31;
  Field "pc" CTX_PC 8 1;
  Field "pstate" CTX_PSTATE 8 1;
  Field "sve" CTX_SVE 8 1;
  Field "sys.csselr_el1" CTX_SYS 8 1;
  Field "sys.sctlr_el1" CTX_SCTLR 8 1;
  Field "vmpidr" CTX_VMPIDR 8 1;
  Field "cntvoff" CTX_CNTVOFF 8 1;
  Field "enter.hcr" CTX_ENTER_HCR 8 1;
  Field "enter.flags" CTX_ENTER_FLAGS 8 1;
  Field "enter.vsesr" CTX_ENTER_VSESR 8 1;
  Field "enter.traps" CTX_ENTER_TRAPS 8 1;
  Field "exit.esr" CTX_EXIT_ESR 8 1;
  Field "exit.far" CTX_EXIT_FAR 8 1;
  Field "exit.hpfar" CTX_EXIT_HPFAR 8 1;
  Field "exit.disr" CTX_EXIT_DISR 8 1;
  Field "vgic.hcr" CTX_VGIC 8 1;
  Field "a32.spsr_abt" CTX_A32 8 1;
  Field "a32.fpexc" CTX_FPEXC 8 1;
  Field "fpsr" CTX_FPSR 8 1;
  Field "v" CTX_V 8 64].

(* How many of each the core has room for *)
Definition length_of (array : string) : Z :=
  match find (fun a => fst (fst a) =? array)%string arrays with Some (_, n) => n | None => 0 end.

Definition keys_at : Z := 48 + 16 * length_of "dram_base" + 16 * length_of "denied_base" + 8 * length_of "cpu_mpidr".
Definition core_install : list field := [
  Field "magic" 0 8 1;
  Field "region_base" 8 8 1;
  Field "region_size" 16 8 1;
  Field "nr_cpus" 24 8 1;
  Field "nr_dram" 32 8 1;
  Field "nr_denied" 40 8 1;
  Field "dram" 48 16 (length_of "dram_base");
  Field "denied" (48 + 16 * length_of "dram_base") 16 (length_of "denied_base");
  Field "mpidr" (48 + 16 * length_of "dram_base" + 16 * length_of "denied_base") 8 (length_of "cpu_mpidr");
  Field "nr_keys" keys_at 8 1; Field "signed_only" (keys_at + 8) 8 1; Field "key" (keys_at + 16) 8 (8 * KCORE_MAX_KEYS);
  Field "seed" (keys_at + 16 + 64 * KCORE_MAX_KEYS) 8 4].

Definition check_agrees (what : string) (have want : list field) : list string :=
  flat_map (fun w => match find_field (f_name w) have with
    | None => [what ++ ": " ++ f_name w ++ " is missing"]
    | Some f =>
        say (f_at f =? f_at w) (what ++ ": " ++ f_name w ++ " is at " ++ number (f_at f) ++ ", the core has it at " ++ number (f_at w)) +++
        say ((f_bytes f =? f_bytes w) && (f_count f =? f_count w))
          (what ++ ": " ++ f_name w ++ " is " ++ number (f_count f) ++ " times " ++ number (f_bytes f) ++ " bytes, in the core "
           ++ number (f_count w) ++ " times " ++ number (f_bytes w))
    end) want.

(* ---- the glue's copies *)
(* Each register of the page, the names that KVM has for it (in some release), and whether it comes back *)
Definition registers : list (string * list string * bool) := [
  ("x", ["regs"], true); ("pc", ["pc"], true); ("pstate", ["pstate"], true);
  ("sys.csselr_el1", ["CSSELR_EL1"], true); ("sys.sctlr_el1", ["SCTLR_EL1"], true); ("sys.cpacr_el1", ["CPACR_EL1"], true);
  ("sys.ttbr0_el1", ["TTBR0_EL1"], true); ("sys.ttbr1_el1", ["TTBR1_EL1"], true); ("sys.tcr_el1", ["TCR_EL1"], true);
  ("sys.esr_el1", ["ESR_EL1"], true); ("sys.afsr0_el1", ["AFSR0_EL1"], true); ("sys.afsr1_el1", ["AFSR1_EL1"], true);
  ("sys.far_el1", ["FAR_EL1"], true); ("sys.mair_el1", ["MAIR_EL1"], true); ("sys.vbar_el1", ["VBAR_EL1"], true);
  ("sys.contextidr_el1", ["CONTEXTIDR_EL1"], true); ("sys.amair_el1", ["AMAIR_EL1"], true);
  ("sys.cntkctl_el1", ["CNTKCTL_EL1"], true); ("sys.par_el1", ["PAR_EL1"], true); ("sys.tpidr_el1", ["TPIDR_EL1"], true);
  ("sys.tpidr_el0", ["TPIDR_EL0"], true); ("sys.tpidrro_el0", ["TPIDRRO_EL0"], true); ("sys.mdscr_el1", ["MDSCR_EL1"], true);
  ("sys.sp_el1", ["SP_EL1"; "sp_el1"], true); ("sys.elr_el1", ["ELR_EL1"; "elr_el1"], true);
  ("sys.spsr_el1", ["SPSR_EL1"; "KVM_SPSR_EL1"], true); ("sys.sp_el0", ["sp"], true);
  ("vmpidr", ["MPIDR_EL1"], false);
  ("vgic.hcr", ["vgic_hcr"], false); ("vgic.sre", ["vgic_sre"], false); ("vgic.vmcr", ["vgic_vmcr"], true);
  ("vgic.ap0r", ["vgic_ap0r"], true); ("vgic.ap1r", ["vgic_ap1r"], true); ("vgic.lr", ["vgic_lr"], true);
  ("fpsr", ["fpsr"], true); ("fpcr", ["fpcr"], true); ("v", ["vregs"], true)].

Definition in_field (f : field) (c : copy) : bool := (f_at f <=? c_at c) && (c_at c + c_bytes c <=? f_at f + f_size f).

Definition covered (f : field) (cs : list copy) : Z :=
  fold_right Z.add 0 (map c_bytes (filter (fun c => (c_field c =? f_name f)%string && in_field f c) cs)).

Definition names_of (r : string) : list string :=
  match find (fun e => fst (fst e) =? r)%string registers with Some (_, names, _) => names | None => [] end.

Definition check_copies (what : string) (fields : list field) (cs : list copy) : list string :=
  flat_map (fun c => say (existsb (fun n => n =? c_name c)%string (names_of (c_field c)))
    (what ++ ": register " ++ c_field c ++ " is copied from or to KVM's " ++ c_name c)) cs +++
  flat_map (fun c => say ((0 <? c_slot_bytes c) && ((c_slot_bytes c =? c_bytes c) || (c_slot_bytes c =? 4) && (c_bytes c =? 8)))
    (what ++ ": register " ++ c_field c ++ " has " ++ number (c_bytes c) ++ " bytes, KVM's " ++ c_name c ++ " has "
     ++ number (c_slot_bytes c))) cs +++
  flat_map (fun c => say (match find_field (c_field c) fields with Some f => in_field f c | None => false end)
    (what ++ ": register " ++ c_field c ++ " at " ++ number (c_at c) ++ " is not in its field of the page")) cs +++
  flat_map (fun p => say (away (c_at (fst p)) (c_bytes (fst p)) (c_at (snd p)) (c_bytes (snd p)))
    (what ++ ": registers " ++ c_field (fst p) ++ " and " ++ c_field (snd p) ++ " share a place of the page, or one is copied twice"))
    (pairs cs) +++
  flat_map (fun p => say (negb (c_space (fst p) =? c_space (snd p))%string ||
      away (c_slot (fst p)) (c_slot_bytes (fst p)) (c_slot (snd p)) (c_slot_bytes (snd p)))
    (what ++ ": registers " ++ c_field (fst p) ++ " and " ++ c_field (snd p) ++ " share a place of KVM's")) (pairs cs).

Definition check_complete (what : string) (all : bool) (fields : list field) (cs : list copy) : list string :=
  flat_map (fun r => match r with (name, _, returns) =>
    if all || returns then
      match find_field name fields with
      | None => ["page: register " ++ name ++ " is missing"]
      | Some f => say (covered f cs =? f_size f)
          (what ++ ": register " ++ name ++ ": " ++ number (covered f cs) ++ " of " ++ number (f_size f) ++ " bytes are copied")
      end
    else []
    end) registers.

Definition same_copy (a b : copy) : bool :=
  (c_at a =? c_at b) && (c_bytes a =? c_bytes b) && (c_space a =? c_space b)%string && (c_slot a =? c_slot b) &&
  (c_slot_bytes a =? c_slot_bytes b).

Definition check_returns (there back : list copy) : list string :=
  flat_map (fun b => say (existsb (same_copy b) there)
    ("back: register " ++ c_field b ++ " does not come back to where it was taken from")) back.

(* ---- calls *)
Fixpoint lower (s : string) : string :=
  match s with
  | EmptyString => EmptyString
  | String c r => let n := nat_of_ascii c in
      String (if ((65 <=? n) && (n <=? 90))%nat then ascii_of_nat (n + 32) else c) (lower r)
  end.

Fixpoint zip {A B} (l : list A) (m : list B) : list (A * B) :=
  match l, m with a :: l', b :: m' => (a, b) :: zip l' m' | _, _ => [] end.

(* KCORE_HC_VM_MAP is answered by hc_vm_map *)
Definition handler_of (name : string) : string := "hc_" ++ lower (substring 9 (String.length name) name).

Definition check_calls (l : list (string * Z)) : list string :=
  say (Z.of_nat (List.length l) =? Z.of_nat (List.length hypercalls))
    ("calls: " ++ number (Z.of_nat (List.length l)) ++ ", the core has " ++ number (Z.of_nat (List.length hypercalls))) +++
  flat_map (fun p => match p with ((name, n), (handler, m, _)) =>
    say ((handler_of name =? handler)%string && (n =? m))
      ("calls: " ++ name ++ " is " ++ number n ++ ", the core has " ++ handler ++ " at " ++ number m) end) (zip l hypercalls).

(* ---- memory *)
(* What boot.c makes of KCore's memory on a machine with `dram' bytes, offsets in it *)
Definition memory (i : image) (m : Z * Z) : list region :=
  let pages := fst m / 4096 in
  let records := i_records_at i + 8 * pages in
  let pool := (records + 4095) / 4096 * 4096 in
  [Region "image" 0 (fold_right Z.max 0 (map r_to (i_sections i)));
   Region "roots" (i_roots_at i) (i_roots_at i + i_vms i * i_root_bytes i);
   Region "page records" (i_records_at i) records;
   Region "table pool" pool (snd m)].

Definition check_regions (what : string) (end_ : Z) (l : list region) : list string :=
  flat_map (fun r => say ((0 <=? r_from r) && (r_from r <=? r_to r) && (r_to r <=? end_))
    (what ++ ": " ++ r_name r ++ " does not fit: " ++ number (r_from r) ++ " to " ++ number (r_to r) ++ " of " ++ number end_)) l +++
  flat_map (fun p => say (away (r_from (fst p)) (r_to (fst p) - r_from (fst p)) (r_from (snd p)) (r_to (snd p) - r_from (snd p)))
    (what ++ ": " ++ r_name (fst p) ++ " and " ++ r_name (snd p) ++ " overlap")) (pairs l).

Definition check_image (i : image) : list string :=
  check_regions "image" (i_roots_at i) (i_sections i) +++
  say (r_to (i_stacks i) - r_from (i_stacks i) =? i_stack_slot i * length_of "cpu_vcpu")
    ("image: room for stacks of " ++ number ((r_to (i_stacks i) - r_from (i_stacks i)) / i_stack_slot i) ++ " CPUs, the core has "
     ++ number (length_of "cpu_vcpu")) +++
  say (i_vms i =? length_of "vm_state") ("image: " ++ number (i_vms i) ++ " VMs, the core has cells for " ++ number (length_of "vm_state")) +++
  say (i_root_bytes i =? ROOT_BYTES) ("image: roots of " ++ number (i_root_bytes i) ++ " bytes, the core has " ++ number ROOT_BYTES) +++
  (* levels 1 to 3, the tables of level 1 concatenated (D8.2.2) *)
  say (i_root_bytes i / 8 * 2 ^ 30 =? 2 ^ i_ipa_bits i)
    ("image: roots of " ++ number (i_root_bytes i) ++ " bytes do not translate " ++ number (i_ipa_bits i) ++ " bits in 3 levels") +++
  say (2 ^ i_ipa_bits i =? IPA_END) ("image: the core's IPA_END is not 2 to the " ++ number (i_ipa_bits i)) +++
  flat_map (fun m =>
    let what := "memory of " ++ number (fst m / 2 ^ 20) ++ " MiB" in
    check_regions what (snd m) (memory i m) +++
    say (snd m mod 2 ^ 21 =? 0) (what ++ ": KCore's " ++ number (snd m) ++ " bytes are no multiple of 2 MiB")) (i_machines i).

(* ---- all of them *)
Definition broken `{VER} : list string :=
  check_layout "page" page_bytes page +++
  say (page_bytes <=? 4096) ("page: " ++ number page_bytes ++ " bytes are more than a page") +++
  check_agrees "page" page core_page +++
  check_layout "installation" install_bytes install +++
  check_agrees "installation" install core_install +++
  check_calls calls +++
  check_copies "into" page into +++ check_complete "into" true page into +++
  check_copies "back" page back +++ check_complete "back" false page back +++
  check_returns into back +++
  check_image core.

Definition ver_ok `{VER} : bool := match broken with [] => true | _ => false end.

Lemma broken_ok `{VER} : broken = [] -> ver_ok = true.
Proof. unfold ver_ok. now intros ->. Qed.

Lemma ok_broken `{VER} : ver_ok = true -> broken = [].
Proof. unfold ver_ok. destruct broken; [reflexivity|discriminate]. Qed.

(* ---- what copying does *)
Definition host := string -> Z -> Z.     (* byte of a structure of KVM's *)
Definition bytes := Z -> Z.              (* byte of the page *)

Definition in_page (c : copy) (a : Z) : bool := (c_at c <=? a) && (a <? c_at c + c_bytes c).
Definition in_slot (c : copy) (s : string) (a : Z) : bool :=
  (s =? c_space c)%string && (c_slot c <=? a) && (a <? c_slot c + c_slot_bytes c).

Definition put (h : host) (c : copy) (p : bytes) : bytes := fun a =>
  if in_page c a then if a - c_at c <? c_slot_bytes c then h (c_space c) (c_slot c + (a - c_at c)) else 0 else p a.
Definition take (p : bytes) (c : copy) (h : host) : host := fun s a =>
  if in_slot c s a then p (c_at c + (a - c_slot c)) else h s a.

(* One after the other, the last of the list first *)
Definition put_all (cs : list copy) (h : host) (p : bytes) : bytes := fold_right (put h) p cs.
Definition take_all (cs : list copy) (p : bytes) (h : host) : host := fold_right (take p) h cs.

Definition page_apart (c d : copy) : Prop := c_at c + c_bytes c <= c_at d \/ c_at d + c_bytes d <= c_at c.
Definition slot_apart (c d : copy) : Prop :=
  c_space c <> c_space d \/ c_slot c + c_slot_bytes c <= c_slot d \/ c_slot d + c_slot_bytes d <= c_slot c.

Lemma in_page_iff c a : in_page c a = true <-> c_at c <= a < c_at c + c_bytes c.
Proof. unfold in_page. rewrite andb_true_iff, Z.leb_le, Z.ltb_lt. reflexivity. Qed.

Lemma in_slot_iff c s a : in_slot c s a = true <-> s = c_space c /\ c_slot c <= a < c_slot c + c_slot_bytes c.
Proof. unfold in_slot. rewrite !andb_true_iff, String.eqb_eq, Z.leb_le, Z.ltb_lt. tauto. Qed.

Lemma put_all_own h p cs c a : apart page_apart cs -> In c cs -> in_page c a = true -> put_all cs h p a = put h c p a.
Proof.
  intros HA. revert p. induction HA as [|d l Hd HA IH]; simpl; intros p; [tauto|].
  intros [->|Hc] Ha; unfold put at 1; [unfold put; now rewrite Ha|].
  destruct (in_page d a) eqn:E.
  - apply in_page_iff in Ha, E. specialize (Hd c Hc). unfold page_apart in Hd. lia.
  - rewrite <- IH by assumption. reflexivity.
Qed.

Lemma put_all_other h p cs a : (forall c, In c cs -> in_page c a = false) -> put_all cs h p a = p a.
Proof.
  induction cs as [|d l IH]; simpl; intros H; [reflexivity|].
  unfold put at 1. rewrite (H d) by auto. apply IH. auto.
Qed.

Lemma take_all_own h p cs c s a : apart slot_apart cs -> In c cs -> in_slot c s a = true -> take_all cs p h s a = p (c_at c + (a - c_slot c)).
Proof.
  intros HA. induction HA as [|d l Hd HA IH]; simpl; [tauto|].
  intros [->|Hc] Ha; unfold take at 1; [now rewrite Ha|].
  destruct (in_slot d s a) eqn:E; [|auto].
  apply in_slot_iff in Ha, E. destruct Ha as [-> Ha], E as [E1 E2]. specialize (Hd c Hc). unfold slot_apart in Hd.
  destruct Hd as [Hd|Hd]; [congruence|lia].
Qed.

Lemma take_all_other h p cs s a : (forall c, In c cs -> in_slot c s a = false) -> take_all cs p h s a = h s a.
Proof.
  induction cs as [|d l IH]; simpl; intros H; [reflexivity|].
  unfold take at 1. rewrite (H d) by auto. apply IH. auto.
Qed.

(* ---- what ver_ok implies *)
Section Sound.
Context `{V : VER} (OK : ver_ok = true).

Ltac part := unfold broken; intros E; repeat (first [exact E | apply app_eq_nil in E; destruct E as [?E E]; try assumption]).

Lemma ok_page : check_layout "page" page_bytes page = [].
Proof. generalize (ok_broken OK). part. Qed.
Lemma ok_agrees : check_agrees "page" page core_page = [].
Proof. generalize (ok_broken OK). part. Qed.
Lemma ok_install : check_agrees "installation" install core_install = [].
Proof. generalize (ok_broken OK). part. Qed.
Lemma ok_calls : check_calls calls = [].
Proof. generalize (ok_broken OK). part. Qed.
Lemma ok_into : check_copies "into" page into = [].
Proof. generalize (ok_broken OK). part. Qed.
Lemma ok_into_all : check_complete "into" true page into = [].
Proof. generalize (ok_broken OK). part. Qed.
Lemma ok_back : check_copies "back" page back = [].
Proof. generalize (ok_broken OK). part. Qed.
Lemma ok_back_all : check_complete "back" false page back = [].
Proof. generalize (ok_broken OK). part. Qed.
Lemma ok_returns : check_returns into back = [].
Proof. generalize (ok_broken OK). part. Qed.
Lemma ok_image : check_image core = [].
Proof. generalize (ok_broken OK). part. Qed.

(* Members of the shared page share no byte. *)
Theorem page_disjoint : apart (fun f g => f_at f + f_size f <= f_at g \/ f_at g + f_size g <= f_at f) page.
Proof.
  apply pairs_apart. intros f g Hfg. pose proof ok_page as E. unfold check_layout in E.
  apply app_eq_nil in E; destruct E as [_ E]. apply app_eq_nil in E; destruct E as [E _].
  apply (flat_map_nil _ _ E) in Hfg. apply say_nil in Hfg. unfold away in Hfg.
  rewrite orb_true_iff, !Z.leb_le in Hfg. exact Hfg.
Qed.

(* The kernel has what the core uses of the page where the core has it. *)
Theorem page_agrees w : In w core_page -> exists f, find_field (f_name w) page = Some f /\ f_at f = f_at w /\ f_bytes f = f_bytes w.
Proof.
  intros Hw. pose proof (flat_map_nil _ _ ok_agrees w Hw) as E. simpl in E.
  destruct (find_field (f_name w) page) as [f|] eqn:F; [|discriminate].
  apply app_eq_nil in E; destruct E as [E1 E2]. apply say_nil in E1, E2.
  apply Z.eqb_eq in E1. apply andb_true_iff in E2. destruct E2 as [E2 _]. apply Z.eqb_eq in E2. eauto.
Qed.

Lemma copies_sound what l : check_copies what page l = [] ->
  (forall c, In c l -> In (c_name c) (names_of (c_field c))) /\
  (forall c, In c l -> 0 < c_slot_bytes c <= c_bytes c) /\
  apart page_apart l /\ apart slot_apart l.
Proof.
  unfold check_copies. intros E.
  apply app_eq_nil in E; destruct E as [E1 E]. apply app_eq_nil in E; destruct E as [E2 E].
  apply app_eq_nil in E; destruct E as [_ E]. apply app_eq_nil in E; destruct E as [E3 E4].
  repeat split.
  - intros c Hc. apply (flat_map_nil _ _ E1) in Hc. apply say_nil, existsb_exists in Hc.
    destruct Hc as (n & Hn & Hc). apply String.eqb_eq in Hc. now subst.
  - intros. apply (flat_map_nil _ _ E2) in H. apply say_nil in H.
    rewrite andb_true_iff, orb_true_iff, andb_true_iff, Z.ltb_lt, !Z.eqb_eq in H. lia.
  - apply (flat_map_nil _ _ E2) in H. apply say_nil in H.
    rewrite andb_true_iff, orb_true_iff, andb_true_iff, Z.ltb_lt, !Z.eqb_eq in H. lia.
  - apply pairs_apart. intros c d Hcd. apply (flat_map_nil _ _ E3) in Hcd. apply say_nil in Hcd.
    unfold away in Hcd. rewrite orb_true_iff, !Z.leb_le in Hcd. exact Hcd.
  - apply pairs_apart. intros c d Hcd. apply (flat_map_nil _ _ E4) in Hcd. apply say_nil in Hcd.
    unfold away in Hcd. rewrite !orb_true_iff, negb_true_iff, String.eqb_neq, !Z.leb_le in Hcd. exact Hcd.
Qed.

(* Each register is copied between the page and the place that has its name. *)
Theorem own_slot c : In c into \/ In c back -> In (c_name c) (names_of (c_field c)).
Proof. intros [H|H]; [apply (copies_sound _ _ ok_into)|apply (copies_sound _ _ ok_back)]; exact H. Qed.

(* None is lost: of each register of the page, as many bytes are copied as it has, and no byte twice. *)
Theorem none_lost name names returns : In (name, names, returns) registers ->
  exists f, find_field name page = Some f /\ covered f into = f_size f /\ (returns = true -> covered f back = f_size f).
Proof.
  intros Hr. pose proof (flat_map_nil _ _ ok_into_all _ Hr) as E1. pose proof (flat_map_nil _ _ ok_back_all _ Hr) as E2.
  simpl in E1, E2. destruct (find_field name page) as [f|] eqn:F; [|discriminate].
  exists f. split; [reflexivity|]. apply say_nil, Z.eqb_eq in E1. split; [exact E1|].
  intros ->. now apply say_nil, Z.eqb_eq in E2.
Qed.

Theorem none_twice : apart page_apart into /\ apart slot_apart into /\ apart page_apart back /\ apart slot_apart back.
Proof. pose proof (copies_sound _ _ ok_into). pose proof (copies_sound _ _ ok_back). tauto. Qed.

(* After copying to the page, each of its register bytes is that of its own place, or 0 beyond what KVM has of it. *)
Theorem copied h p c a : In c into -> in_page c a = true ->
  put_all into h p a = if a - c_at c <? c_slot_bytes c then h (c_space c) (c_slot c + (a - c_at c)) else 0.
Proof.
  intros Hc Ha. rewrite (put_all_own h p into c a); [unfold put; now rewrite Ha|apply none_twice|exact Hc|exact Ha].
Qed.

(* There and back again is no change of KVM's context, whatever the page held. *)
Theorem there_and_back h p s a : take_all back (put_all into h p) h s a = h s a.
Proof.
  destruct (existsb (fun c => in_slot c s a) back) eqn:E.
  - apply existsb_exists in E. destruct E as (b & Hb & Ha).
    rewrite (take_all_own h _ back b s a); [|apply none_twice|exact Hb|exact Ha].
    pose proof (flat_map_nil _ _ ok_returns b Hb) as R. apply say_nil, existsb_exists in R. destruct R as (c & Hc & R).
    unfold same_copy in R. rewrite !andb_true_iff, !Z.eqb_eq, String.eqb_eq in R.
    destruct R as [[[[R1 R2] R3] R4] R5]. apply in_slot_iff in Ha. destruct Ha as [-> Ha].
    destruct (copies_sound _ _ ok_into) as (_ & B & _). specialize (B c Hc).
    assert (P : in_page c (c_at b + (a - c_slot b)) = true) by (apply in_page_iff; lia).
    rewrite (copied h p c _ Hc P). replace (_ <? _) with true by (symmetry; apply Z.ltb_lt; lia).
    rewrite R3. f_equal. lia.
  - apply take_all_other. intros c Hc. destruct (in_slot c s a) eqn:E'; [|reflexivity].
    rewrite <- E. symmetry. apply existsb_exists. eauto.
Qed.

(* Parts of KCore's memory share no byte, and none is outside of it, on every machine of the list. *)
Theorem memory_disjoint m : In m (i_machines core) ->
  apart (fun r q => r_to r <= r_from q \/ r_to q <= r_from r) (memory core m) /\
  forall r, In r (memory core m) -> 0 <= r_from r /\ r_from r <= r_to r <= snd m.
Proof.
  intros Hm. pose proof ok_image as E. unfold check_image in E.
  repeat (apply app_eq_nil in E; destruct E as [_ E]). apply (flat_map_nil _ _ E) in Hm.
  apply app_eq_nil in Hm. destruct Hm as [R _]. unfold check_regions in R. apply app_eq_nil in R. destruct R as [R1 R2].
  split.
  - apply pairs_apart. intros r q Hrq. apply (flat_map_nil _ _ R2) in Hrq. apply say_nil in Hrq.
    unfold away in Hrq. rewrite orb_true_iff, !Z.leb_le in Hrq. cbn [fst snd] in Hrq. lia.
  - intros r Hr. apply (flat_map_nil _ _ R1) in Hr. apply say_nil in Hr.
    rewrite !andb_true_iff, !Z.leb_le in Hr. lia.
Qed.
End Sound.
