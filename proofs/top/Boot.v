(* SPDX-License-Identifier: GPL-2.0-only *)
(* The state after installation, noninterference from there, and what it means in a small run. *)
From KCore Require Export top.NI.

(* Installation: no VM, no vCPU, every page the host's or KCore's own (owner NR_VMS); the rest is arbitrary. *)
Definition boot (s : state) : Prop :=
  (forall v, vm (pub s) v = mkvm Free false 0 0 0 0) /\ (forall v i, vc (pub s) v i = no_vcpu) /\
  tr (pub s) = [] /\ shared (pub s) = [] /\ transit (pub s) = [] /\
  (forall pg, owner (pub s) pg = 0 \/ owner (pub s) pg = NR_VMS) /\ (forall v i r, regs s v i r = 0).

Theorem boot_inv s : boot s -> inv s.
Proof.
  intros (A & B & C & D & E & F & G). constructor; rewrite ?C, ?D, ?E; cbn; try tauto.
  - intros v. unfold prot. rewrite A. discriminate.
  - auto.
  - intros v i. rewrite B. discriminate.
Qed.

(* A concrete machine: eight pages of DRAM, the last of which is KCore's. *)
Definition small_dram (pg : Z) : bool := (0 <=? pg) && (pg <? 8).
Definition small_query (k : Z) (P : public) : Z := owner P k.
Definition small : state :=
  mkst (mkpub (fun pg => if pg =? 7 then NR_VMS else 0) (fun _ => mkvm Free false 0 0 0 0) (fun _ _ => no_vcpu)
          [] [] [] (fun _ => false) (fun _ _ => 0) (fun _ => 0))
       (fun pg => [100 + pg; 0; 0; 0]) (fun _ _ _ => 0).

Example small_boot : boot small.
Proof.
  repeat split; auto. intros pg. cbn. destruct (pg =? 7); auto.
Qed.

Notation srun := (run small_dram small_query).

(* A protected VM 1 with one page, at IPA page 16, backed by physical page 3, and running on CPU 0. *)
Definition start : list action := [
  VmCreate 0 1 true; VcpuCreate 0 1 0 2 false; Finalise 0 1 16 32 (fun _ => 0);
  DonateTake 0 1 16 3 false; DonateMap 0; Load 0 1 0; Run 0 1 0 ANone].

Definition started : state := srun start small.

(* The guest computes on its page; the donated content is there. *)
Definition secret (z : Z) : list action :=
  [Guest 1 0 (IRead 16 0 5 64); Guest 1 0 (ISet 6 z); Guest 1 0 (IWrite 16 1 6 64); Irq 1 0].
Example guest_reads_donation : regs (srun (secret 42) started) 1 0 5 = 103.
Proof. vm_compute. reflexivity. Qed.
Example guest_writes : mem (srun (secret 42) started) 3 = [103; 42; 0; 0].
Proof. vm_compute. reflexivity. Qed.

(* The host's read of the page is refused; so are a second donation and a mapping into a normal VM. *)
Definition attack : list action :=
  [HSet 0 9 7; HRead 0 3 1 9; DRead 0 3 1; VmCreate 0 2 false; Map 0 2 0 3 1 true false].
Definition hostile : state := srun (secret 42 ++ attack) started.
Example host_read_refused : hreg (pub hostile) 0 9 = 7.
Proof. vm_compute. reflexivity. Qed.
Example device_read_refused : dev (pub hostile) 0 = 0.
Proof. vm_compute. reflexivity. Qed.
Example map_refused : hreg (pub hostile) 0 0 = -1 /\ List.length (tr (pub hostile)) = 1%nat.
Proof. vm_compute. auto. Qed.
(* On another CPU, where the host may read its own pages. *)
Example host_reads_own : hreg (pub (srun [HRead 1 4 0 9] started)) 1 9 = 104.
Proof. vm_compute. reflexivity. Qed.

(* Two secrets, one view: the host's events are the same whatever the guest wrote. *)
Example secret_hidden :
  events small_dram small_query PHost (start ++ secret 42 ++ attack) small =
  events small_dram small_query PHost (start ++ secret 43 ++ attack) small.
Proof. vm_compute. reflexivity. Qed.
(* An MMIO store releases its value, and that is an event of the host's. *)
Example mmio_released :
  events small_dram small_query PHost [Guest 1 0 (ISet 6 42); Guest 1 0 (IWrite 99 0 6 32)] started =
  [EExit 1 0 (XWrite 99 0 6 42)].
Proof. vm_compute. reflexivity. Qed.
(* After destruction the page is the host's, and zero. *)
Definition destroy : list action :=
  [Put 0 1 0; DestroyBegin 0 1; DestroyStep 0 1 16; VcpuDestroy 0 1 0; DestroyEnd 0 1; HRead 0 3 1 9].
Example scrubbed :
  let s := srun (secret 42 ++ destroy) started in
  hreg (pub s) 0 9 = 0 /\ owner (pub s) 3 = 0 /\ vstate (vm (pub s) 1) = Free.
Proof. vm_compute. auto. Qed.
