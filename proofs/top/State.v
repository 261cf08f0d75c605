(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * State of the atomic top machine.  Pages and IPAs are numbers of 4 KiB pages, words are numbered in
 * their page.  [pub] is all bookkeeping of KCore: what the host may know.  [data] is contents: memory and registers.
 *)
From Coq Require Export ZArith List Lia Bool.
From KCore Require Export gen.Constants.
From KCore Require lang.Lang.
Export ListNotations.
Global Open Scope Z_scope.

Notation res := Lang.res.
Notation Ok := Lang.Ok.
Notation Halt := Lang.Halt.
Notation Stuck := Lang.Stuck.

(* ------------------------------------------------------------------ functions as maps *)

Definition upd {A} (f : Z -> A) (k : Z) (x : A) : Z -> A := fun j => if j =? k then x else f j.
Definition upd2 {A} (f : Z -> Z -> A) (k l : Z) (x : A) : Z -> Z -> A :=
  fun j m => if (j =? k) && (m =? l) then x else f j m.
Definition range (lo : Z) (n : nat) : list Z := map (fun k => lo + Z.of_nat k) (seq 0 n).
Definition inside (k lo n : Z) : bool := (lo <=? k) && (k <? lo + n).
(* Writes, the first first, of those whose index lies in [lo, lo + n). *)
Definition writes (lo n : Z) (l : list (Z * Z)) (f : Z -> Z) : Z -> Z :=
  fold_left (fun f w => if inside (fst w) lo n then upd f (fst w) (snd w) else f) l f.
Definition wrap64 (z : Z) : Z := z mod 18446744073709551616.

(* ------------------------------------------------------------------ the machine that KCore was installed on *)

(* Checks that Needed.v takes away, one at a time. *)
Inductive check := CheckOwner | CheckMaps | CheckScrub | CheckExit | CheckEnter | CheckFp | CheckUnshare | CheckHostFp.

Class config := {
  region : Z -> Z;            (* DRAM region of a page, -1: not DRAM *)
  denied : Z -> bool;         (* not DRAM, and not the host's either *)
  core : Z -> bool;           (* KCore's own pages, all DRAM *)
  pool : Z;                   (* table pages at installation, and of these for the host *)
  reserve : Z;
  installed_core : Z;         (* pages that installation took *)
  info : Z -> Z -> Z;         (* what INFO answers on a CPU, by KCORE_INFO_* *)
  gicv3 : bool;
  aarch32 : bool;             (* EL1 of a normal VM may be AArch32 *)
  ras : bool;                 (* an SError has a syndrome *)
  broken : check -> bool      (* all false: the real core *)
}.

Section State.
Context {cfg : config}.

Definition dram (p : Z) : bool := 0 <=? region p.
Definition ensure (k : check) (b : bool) : bool := broken k || b.

(* A stage-2 leaf: its first page and its KCORE_PROT_* rights and memory type.  Its place: a 2 MiB block or a page. *)
Record leaf := mkleaf { l_page : Z; l_prot : Z }.
Inductive place := Block (b : Z) | Page (i : Z).
Definition place_eqb (x y : place) : bool :=
  match x, y with Block a, Block b | Page a, Page b => a =? b | _, _ => false end.
Definition pages_of (x : place) : Z := match x with Block _ => 512 | Page _ => 1 end.
Definition first_of (x : place) : Z := match x with Block b => b * 512 | Page i => i end.

Record vmrec := mkvm {
  v_state : Z; v_type : Z; v_vcpus : Z; v_loaded : Z; v_pages : Z; v_tables : Z;
  v_base : Z; v_end : Z;      (* memory range, bytes *)
  v_cursor : Z;               (* destroy: page reached *)
  v_guard : list (Z * Z)      (* ranges of pages outside of it that the guest gave the host to serve, first page and the one behind; none: no guard *)
}.
Record vcpurec := mkvcpu {
  c_state : Z; c_power : Z; c_pending : Z;
  c_esr : Z;                  (* syndrome of the last exit, while an answer to it is pending *)
  c_page : Z;                 (* the shared page *)
  c_cpu : Z                   (* where it is loaded; not a cell of the core: cpu_vcpu says the same *)
}.
(* What a protected guest asks of its memory. *)
Inductive ask := Share | Unshare | Relinquish.
(* What a CPU has still to do for its host call: the sections to come. *)
Inductive call :=
| CNone
| CDonate (v i p : Z)
| CClear (v i p n prot at_ k : Z)
| CLeaf (v i p n prot : Z) (first : bool)
| CUnmap (v at_ fin dropped k : Z) (age : bool)
| CProtect (v at_ fin k : Z)
| CProtectDrop (v at_ fin k : Z) (l : leaf) (block : bool)
| CProtectMap (v at_ fin k : Z) (l : leaf) (block : bool)
| CReap (v got k : Z).
Record cpurec := mkcpu {
  u_vcpu : Z;                 (* loaded here, or NO_VCPU *)
  u_run : bool;               (* the guest is in the registers, else the host *)
  u_fp : bool;                (* the FP registers hold the loaded vCPU's *)
  u_call : call
}.

Record pub := mkpub {
  owner : Z -> Z;             (* of a DRAM page *)
  maps : Z -> Z;              (* mappings in normal VMs and uses as a vCPU page *)
  vm : Z -> vmrec;
  lf : Z -> place -> option leaf;   (* stage 2 by handle; HOST is the host's own *)
  s1 : Z -> Z -> bool;        (* is there a level-2 table for the GiB? *)
  tab : Z -> Z -> bool;       (* is there a level-3 table for the 2 MiB? *)
  vcpu : Z -> vcpurec;
  cpu : Z -> cpurec;
  cnt : Z -> Z;               (* counters by KCORE_STAT_*, and N_RESERVE *)
  stat : Z -> Z -> Z;         (* by CPU and KCORE_STAT_* *)
  logged : list (Z * Z * Z)
}.
Definition N_RESERVE : Z := 100.

Record data := mkdata {
  mem : Z -> Z -> Z;          (* page, word *)
  ctx : Z -> Z -> Z;          (* registers of a protected vCPU, by word of struct kcore_vcpu_page *)
  fpm : Z -> Z -> Z;          (* the FP registers of a CPU, by the same words *)
  hreg : Z -> Z -> Z;         (* the host's registers on a CPU *)
  io : Z -> Z -> Z            (* virtual GIC, interrupt wishes, virtual timer of a vCPU: the host's by design *)
}.
Record st := mkst { P : pub; D : data }.

(* Words of struct kcore_vcpu_page *)
Definition W_PC := 31. Definition W_PSTATE := 32. Definition W_SCTLR := 35. Definition W_ESR := 40.
Definition W_FAR := 43. Definition W_VBAR := 45. Definition W_ELR := 55. Definition W_SPSR := 56.
Definition W_GP := 58%Z.                       (* x, pc, pstate, EL1 and EL0 registers: 0..57 *)
Definition W_CNTVOFF := 59. Definition W_FLAGS := 61. Definition W_EXIT := 64.
Definition W_IO := 60. Definition N_IO := 45.  (* enter, vgic, and behind them the virtual timer and registers of AArch32 *)
Definition W_VSESR := 62. Definition W_DISR := 67.
Definition W_HCR := 68. Definition W_VMCR := 69. Definition W_SRE := 70. Definition W_USED := 71.   (* vgic *)
Definition W_AP0R := 72. Definition W_AP1R := 76. Definition W_LR := 80.
Definition W_TIMER := 96.
Definition W_A32 := 98. Definition N_A32 := 7. Definition W_FPEXC := 104.
Definition W_FP := 106. Definition N_FP := 66.
Definition W_KEPT := 200.                      (* KCore's: full FAR of the last exit, CPU_ON's entry and x0 *)

(* ------------------------------------------------------------------ setters *)

Definition set_owner f s := mkpub f (maps s) (vm s) (lf s) (s1 s) (tab s) (vcpu s) (cpu s) (cnt s) (stat s) (logged s).
Definition set_maps f s := mkpub (owner s) f (vm s) (lf s) (s1 s) (tab s) (vcpu s) (cpu s) (cnt s) (stat s) (logged s).
Definition set_vm v r s := mkpub (owner s) (maps s) (upd (vm s) v r) (lf s) (s1 s) (tab s) (vcpu s) (cpu s) (cnt s) (stat s) (logged s).
Definition set_lf f s := mkpub (owner s) (maps s) (vm s) f (s1 s) (tab s) (vcpu s) (cpu s) (cnt s) (stat s) (logged s).
Definition set_s1 f s := mkpub (owner s) (maps s) (vm s) (lf s) f (tab s) (vcpu s) (cpu s) (cnt s) (stat s) (logged s).
Definition set_tab f s := mkpub (owner s) (maps s) (vm s) (lf s) (s1 s) f (vcpu s) (cpu s) (cnt s) (stat s) (logged s).
Definition set_vcpu w r s := mkpub (owner s) (maps s) (vm s) (lf s) (s1 s) (tab s) (upd (vcpu s) w r) (cpu s) (cnt s) (stat s) (logged s).
Definition set_cpu c r s := mkpub (owner s) (maps s) (vm s) (lf s) (s1 s) (tab s) (vcpu s) (upd (cpu s) c r) (cnt s) (stat s) (logged s).
Definition add_cnt k d s := mkpub (owner s) (maps s) (vm s) (lf s) (s1 s) (tab s) (vcpu s) (cpu s) (upd (cnt s) k (cnt s k + d)) (stat s) (logged s).
Definition add_stat c k s := mkpub (owner s) (maps s) (vm s) (lf s) (s1 s) (tab s) (vcpu s) (cpu s) (cnt s) (upd2 (stat s) c k (stat s c k + 1)) (logged s).
Definition add_log e a b s := mkpub (owner s) (maps s) (vm s) (lf s) (s1 s) (tab s) (vcpu s) (cpu s) (cnt s) (stat s) ((e, a, b) :: logged s).

Definition vm_with_state x r := mkvm x (v_type r) (v_vcpus r) (v_loaded r) (v_pages r) (v_tables r) (v_base r) (v_end r) (v_cursor r) (v_guard r).
Definition vm_with_vcpus x r := mkvm (v_state r) (v_type r) x (v_loaded r) (v_pages r) (v_tables r) (v_base r) (v_end r) (v_cursor r) (v_guard r).
Definition vm_with_loaded x r := mkvm (v_state r) (v_type r) (v_vcpus r) x (v_pages r) (v_tables r) (v_base r) (v_end r) (v_cursor r) (v_guard r).
Definition vm_with_pages x r := mkvm (v_state r) (v_type r) (v_vcpus r) (v_loaded r) x (v_tables r) (v_base r) (v_end r) (v_cursor r) (v_guard r).
Definition vm_with_tables x r := mkvm (v_state r) (v_type r) (v_vcpus r) (v_loaded r) (v_pages r) x (v_base r) (v_end r) (v_cursor r) (v_guard r).
Definition vm_with_range b e r := mkvm (v_state r) (v_type r) (v_vcpus r) (v_loaded r) (v_pages r) (v_tables r) b e (v_cursor r) (v_guard r).
Definition vm_with_cursor x r := mkvm (v_state r) (v_type r) (v_vcpus r) (v_loaded r) (v_pages r) (v_tables r) (v_base r) (v_end r) x (v_guard r).
Definition vm_with_guard l r := mkvm (v_state r) (v_type r) (v_vcpus r) (v_loaded r) (v_pages r) (v_tables r) (v_base r) (v_end r) (v_cursor r) l.
Definition vcpu_with_state x c r := mkvcpu x (c_power r) (c_pending r) (c_esr r) (c_page r) c.
Definition vcpu_with_power x r := mkvcpu (c_state r) x (c_pending r) (c_esr r) (c_page r) (c_cpu r).
Definition vcpu_with_pending x e r := mkvcpu (c_state r) (c_power r) x e (c_page r) (c_cpu r).
Definition cpu_with_vcpu x r := mkcpu x (u_run r) (u_fp r) (u_call r).
Definition cpu_with_run x r := mkcpu (u_vcpu r) x (u_fp r) (u_call r).
Definition cpu_with_fp x r := mkcpu (u_vcpu r) (u_run r) x (u_call r).
Definition cpu_with_call x r := mkcpu (u_vcpu r) (u_run r) (u_fp r) x.

Definition change_vm v f s := set_vm v (f (vm s v)) s.
Definition change_vcpu w f s := set_vcpu w (f (vcpu s w)) s.
Definition change_cpu c f s := set_cpu c (f (cpu s c)) s.
Definition set_leaf v x l s :=
  set_lf (fun j y => if (j =? v) && place_eqb y x then l else lf s j y) s.

(* ------------------------------------------------------------------ translation *)

(* The page and rights behind an IPA. *)
Definition walk (s : pub) (v i : Z) : option (Z * Z) :=
  match lf s v (Block (i / 512)) with
  | Some l => Some (l_page l + i mod 512, l_prot l)
  | None => match lf s v (Page i) with Some l => Some (l_page l, l_prot l) | None => None end
  end.
Definition readable (r : Z) : bool := Z.testbit r 0.
Definition writable (r : Z) : bool := Z.testbit r 1.
Definition device (r : Z) : bool := Z.testbit r 3.

(* May the page be in the host's stage 2? *)
Definition host_ok (s : pub) (p : Z) : bool := if dram p then owner s p =? OWNER_HOST else negb (denied p).
(* n pages in one DRAM region *)
Definition in_dram (p : Z) (n : nat) : bool := dram p && forallb (fun q => region q =? region p) (range p n).

Definition alive (s : pub) (v : Z) : bool := (1 <=? v) && (v <? KCORE_NR_VMS) && negb (v_state (vm s v) =? VM_FREE).
Definition protected (s : pub) (v : Z) : bool :=
  negb (v_state (vm s v) =? VM_FREE) && (v_type (vm s v) =? KCORE_VM_PROTECTED).
Definition vm_of (w : Z) : Z := w / KCORE_VM_VCPUS.

Definition boot_pub : pub :=
  mkpub (fun p => if core p then OWNER_CORE else OWNER_HOST) (fun _ => 0)
    (fun _ => mkvm VM_FREE KCORE_VM_NORMAL 0 0 0 0 0 0 0 []) (fun _ _ => None) (fun _ _ => false) (fun _ _ => false)
    (fun _ => mkvcpu VCPU_FREE POWER_OFF PENDING_NONE 0 0 0) (fun _ => mkcpu NO_VCPU false false CNone)
    (fun k => if k =? KCORE_STAT_pool_free then pool else if k =? KCORE_STAT_pool_total then pool
              else if k =? KCORE_STAT_pages_core then installed_core
              else if k =? N_RESERVE then reserve else 0)
    (fun _ _ => 0) [].
End State.
